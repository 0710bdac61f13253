//! Shells, runners, networks, machines, deploys, Git.

use super::{Row, check};
use crate::domain::diagnosis::Category::{Build, Cancelled, Config, Deploy, Network, Resource, Syntax, Timeout};

const ROWS: &[Row] = &[
    ("bash, not found", Config, "", "gradel: command not found", 1, "/home/runner/work/_temp/x.sh: line 1: gradel: command not found\n##[error]Process completed with exit code 127.\n"),
    ("sh, not found", Config, "", "jq: not found", 1, "/bin/sh: 1: jq: not found\n"),
    ("bash, not executable", Config, "deploy.sh", "Permission denied", 1, "bash: line 1: ./deploy.sh: Permission denied\n"),
    ("bash, unbound", Config, "ci/run.sh:4", "TOKEN: unbound variable", 1, "ci/run.sh: line 4: TOKEN: unbound variable\n"),
    ("bash, syntax", Syntax, "ci/run.sh:9", "unexpected end of file", 1, "ci/run.sh: line 9: syntax error: unexpected end of file\n"),
    ("segfault", Build, "./t.sh:2", "Segmentation fault", 1, "./t.sh: line 2:  4121 Segmentation fault      (core dumped) ./app\n"),
    ("killed", Resource, "", "Killed", 1, "loading model\nKilled\n"),
    ("exit 137", Resource, "", "exit code 137", 1, "training\n##[error]Process completed with exit code 137.\n"),
    ("exit 124", Timeout, "", "exit code 124", 1, "waiting\n##[error]Process completed with exit code 124.\n"),
    ("disk", Resource, "", "No space left on device", 1, "tar: out.tar: Cannot write: No space left on device\ntar: Error is not recoverable: exiting now\n"),
    ("node disk", Resource, "", "ENOSPC", 1, "Error: ENOSPC: no space left on device, write\n    at writeSync (node:fs:900:3)\n"),
    ("job timeout", Timeout, "", "exceeded the maximum execution time", 1, "##[error]The job running on runner GitHub Actions 2 has exceeded the maximum execution time of 360 minutes.\n##[error]The operation was canceled.\n"),
    ("cancelled", Cancelled, "", "The operation was canceled.", 1, "##[group]Run make\nmake\n##[endgroup]\nbuilding\n##[error]The operation was canceled.\n"),
    ("runner lost", Resource, "", "lost communication", 1, "The self-hosted runner: build-3 lost communication with the server. Verify the machine is running.\n"),
    ("action not found", Config, "", "Unable to resolve action", 1, "Download action repository 'acme/nope@v1'\n##[error]Unable to resolve action acme/nope, repository not found\n"),
    ("missing input", Config, "", "Input required and not supplied: token", 1, "##[group]Run acme/x@v1\n##[endgroup]\n##[error]Input required and not supplied: token\n"),
    ("artifact", Config, "", "Artifact not found for name: dist", 1, "##[group]Run actions/download-artifact@v4\n##[endgroup]\n##[error]Unable to download artifact(s): Artifact not found for name: dist\n"),
    ("workflow", Config, ".github/workflows/ci.yml:7", "Invalid workflow file", 1, "Invalid workflow file: .github/workflows/ci.yml#L7\n"),
    ("integration", Config, "", "Resource not accessible by integration", 1, "##[group]Run gh pr comment\n##[endgroup]\nGraphQL: Resource not accessible by integration (addComment)\n##[error]Process completed with exit code 1.\n"),
    ("curl", Network, "", "Could not resolve host", 1, "curl: (6) Could not resolve host: api.example.invalid\n"),
    ("git clone", Network, "", "unable to access", 1, "Cloning into 'x'...\nfatal: unable to access 'https://example.invalid/x.git/': Could not resolve host: example.invalid\n"),
    ("git push", Config, "", "[rejected]", 1, "To https://example.com/x.git\n ! [rejected]        main -> main (fetch first)\nerror: failed to push some refs to 'https://example.com/x.git'\n"),
    ("git merge", Config, "src/a.rs", "Merge conflict in src/a.rs", 1, "Auto-merging src/a.rs\nCONFLICT (content): Merge conflict in src/a.rs\nAutomatic merge failed; fix conflicts and then commit the result.\n"),
    ("no repository", Config, "", "not a git repository", 1, "fatal: not a git repository (or any of the parent directories): .git\n"),
    ("docker pull limit", Network, "", "toomanyrequests", 1, "ERROR: failed to solve: alpine: toomanyrequests: You have reached your pull rate limit.\n"),
    ("dockerfile", Syntax, "Dockerfile:3", "unknown instruction", 1, "Dockerfile:3\n--------------------\n   3 | >>> RUNN make\n--------------------\nERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)\n"),
    ("docker copy", Build, "Dockerfile:4", "failed to compute cache key", 1, "Dockerfile:4\n--------------------\n   4 | >>> COPY nope /x\n--------------------\nERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref x: \"/nope\": not found\n"),
    ("kubectl", Deploy, "", "deployments.apps \"web\" not found", 1, "Error from server (NotFound): deployments.apps \"web\" not found\n"),
    ("helm", Config, "", "INSTALLATION FAILED", 1, "Error: INSTALLATION FAILED: chart requires kubeVersion: >=1.30 which is incompatible\n"),
    ("ansible", Deploy, "", "No package matching 'nope'", 1, "TASK [install] *****\nfatal: [web1]: FAILED! => {\"changed\": false, \"msg\": \"No package matching 'nope' is available\"}\n"),
    ("aws", Deploy, "", "An error occurred (AccessDenied)", 1, "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n"),
    ("rsync", Deploy, "", "rsync error", 1, "rsync error: unexplained error (code 255) at io.c(231) [sender=3.2.7]\n"),
    ("generic place", Build, "conf/app.nim:3:7", "odd thing", 1, "conf/app.nim:3:7: error: odd thing\n"),
    ("generic annotation", Config, "", "SECRET is missing", 1, "##[group]Run acme/deploy@v2\n##[endgroup]\n##[error]SECRET is missing\n"),
];

#[test]
fn the_world_around_is_read() {
    check(ROWS);
}
