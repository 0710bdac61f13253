//! The script that a container runs: the steps, one after the other, with a mark before and behind each.
//!
//! The container's own process is `sh`, which reads this from its standard input. So neither commands nor variables, secrets
//! among them, stand where `docker inspect` shows them; a script that is cut off does nothing (all of it is one group); and
//! what the steps print goes where the engine keeps it, so that a gonogo that was killed can read on.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::domain::definition::StepSpec;

/// Directory in memory in which a container keeps its secrets for a gonogo that comes later.
pub const KEEP: &str = "/run/gonogo";

/// What a script is made of.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// What stands in the marks.
    pub nonce: &'a str,
    /// The workspace.
    pub directory: &'a str,
    /// Variables of every step.
    pub variables: &'a BTreeMap<String, String>,
    /// Secrets: variables of every step, too.
    pub secrets: &'a [(String, String)],
    /// Lines of shell that come before the steps: what prepares an environment.
    pub before: &'a str,
    /// The steps.
    pub steps: &'a [StepSpec],
    /// Files that root has made in the workspace are given to its owner at the end.
    pub give_back: bool,
    /// Standard error comes by itself, rather than in one stream with standard output.
    pub apart: bool,
}

impl Script<'_> {
    /// The text of the script.
    pub fn text(&self) -> String {
        let mut text = String::from("{\nstopped=\ntrap 'stopped=1' TERM\n");
        if !self.apart {
            text.push_str("exec 2>&1\n");
        }
        let _ = writeln!(text, "gonogo_mark() {{ printf '\\036gonogo:%s:%s\\036' {} \"$1\"; }}", self.nonce);
        // The counter of the container's own control group: version 2 has it in memory.events, version 1 in memory.oom_control.
        text.push_str(
            "gonogo_oom() {\nfor file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do\n\
             if [ -r $file ]; then while read -r key value; do\n\
             if [ \"$key\" = oom_kill ] && [ \"$value\" != 0 ]; then gonogo_mark oom; return 0; fi\n\
             done < $file; fi\ndone\n}\n",
        );
        self.give_back(&mut text);
        let _ = writeln!(
            text,
            "cd {} 2>/dev/null || {{ gonogo_mark nodir; exit 125; }}\nexport PWD",
            quoted(self.directory)
        );
        for (name, value) in self.variables {
            export(&mut text, name, value);
        }
        if !self.secrets.is_empty() {
            let _ = writeln!(text, "(umask 077; cat > {KEEP}/secrets <<'gonogo-end'");
            for (name, value) in self.secrets {
                let _ = writeln!(text, "{name} {}", hex(value.as_bytes()));
            }
            text.push_str("gonogo-end\n)\n");
        }
        for (name, value) in self.secrets {
            export(&mut text, name, value);
        }
        text.push_str(self.before);
        for (index, step) in self.steps.iter().enumerate() {
            self.step(&mut text, index, step);
        }
        text.push_str("gonogo_end\nexit 0\n}\n");
        text
    }

    fn step(&self, text: &mut String, index: usize, step: &StepSpec) {
        let _ = writeln!(text, "gonogo_mark began:{index}\n(");
        if let Some(dir) = &step.dir {
            let _ = writeln!(
                text,
                "cd {} 2>/dev/null || {{ echo \"no such directory: \"{}; exit 125; }}",
                quoted(dir),
                quoted(dir)
            );
        }
        for (name, value) in &step.env {
            export(text, name, value);
        }
        let _ = writeln!(text, "trap - TERM\nexec sh -c {}\n) </dev/null\ncode=$?", quoted(&step.run));
        text.push_str("if [ $code = 137 ]; then gonogo_oom; fi\n");
        let _ =
            writeln!(text, "gonogo_mark ended:{index}:$code\nif [ -n \"$stopped\" ]; then gonogo_end; exit 143; fi");
        if !step.allow_failure {
            text.push_str("if [ \"$code\" != 0 ]; then gonogo_end; exit \"$code\"; fi\n");
        }
    }

    /// What root made in somebody else's directory belongs to them afterwards. Where root of the container is not root of the
    /// machine (rootless), the directory looks like root's own, and nothing has to be done.
    fn give_back(&self, text: &mut String) {
        text.push_str("gonogo_end() {\n");
        if self.give_back {
            let _ = writeln!(
                text,
                "[ \"$(id -u 2>/dev/null)\" = 0 ] || return 0\n\
                 set -- $(ls -nd {0} 2>/dev/null)\n\
                 case \"$3\" in ''|0|*[!0-9]*) return 0;; esac\n\
                 find {0} -xdev -user 0 -exec chown -h \"$3:$4\" {{}} + 2>/dev/null",
                quoted(self.directory)
            );
        }
        text.push_str("return 0\n}\n");
    }
}

fn export(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "export {name}={}", quoted(value));
}

/// A text as the shell reads it back.
pub fn quoted(text: &str) -> String {
    // A process gets no zero byte in any way.
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The secrets that a container has kept.
pub fn kept(text: &str) -> Vec<(String, String)> {
    let value = |hex: &str| {
        let bytes = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
    };
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, hex)| Some((name.to_owned(), value(hex.trim())?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    fn step(run: &str) -> StepSpec {
        StepSpec { name: run.into(), run: run.into(), ..StepSpec::default() }
    }

    /// What a shell of this machine prints for it, and its exit status.
    fn run(script: &str) -> (String, Option<i32>) {
        let mut shell =
            Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let ended = shell.wait_with_output().unwrap();
        (String::from_utf8_lossy(&ended.stdout).replace('\x1e', "|"), ended.status.code())
    }

    fn script(steps: &[StepSpec], variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Script {
            nonce: "n",
            directory: "/",
            variables: &variables,
            secrets: &[],
            before: "",
            steps,
            give_back: true,
            apart: false,
        }
        .text()
    }

    #[test]
    fn steps_run_in_order_until_one_fails_and_each_is_marked() {
        let ended = run(&script(&[step("echo one; echo two >&2"), step("exit 3"), step("echo never")], &[]));
        assert_eq!(ended.0, "|gonogo:n:began:0|one\ntwo\n|gonogo:n:ended:0:0||gonogo:n:began:1||gonogo:n:ended:1:3|");
        assert_eq!(ended.1, Some(3));
    }

    #[test]
    fn values_arrive_as_they_are_and_stay_within_their_step() {
        let odd = "it's \"$HOME\" `x` \\ \n#line\ttab é";
        let mut second = step("printf %s \"$ODD-$MINE\"");
        second.env.insert("MINE".into(), "m'y".into());
        second.dir = Some("tmp".into());
        second.allow_failure = true;
        let ended = run(&script(&[second, step("printf '[%s]' \"$MINE\"; pwd")], &[("ODD", odd)]));
        assert!(ended.0.contains(&format!("{odd}-m'y|")), "{}", ended.0);
        assert!(ended.0.contains("[]/\n"), "{}", ended.0);
    }

    #[test]
    fn a_script_that_was_cut_off_does_nothing() {
        let whole = script(&[step("echo one")], &[]);
        for cut in [10, whole.len() / 2, whole.len() - 3] {
            let ended = run(&whole[..cut]);
            assert_eq!(ended.0, "", "cut at {cut}");
            assert_ne!(ended.1, Some(0));
        }
    }

    #[test]
    fn a_step_reads_nothing_of_the_script() {
        let ended = run(&script(&[step("cat; echo read"), step("echo two")], &[]));
        assert!(ended.0.contains("|read\n|") && ended.0.contains("two\n"), "{}", ended.0);
    }

    #[test]
    fn what_a_container_keeps_is_read_back() {
        let secret = ("TOKEN".to_owned(), "a b\n'c' é".to_owned());
        let line = format!("{} {}\nbroken\nX zz\n", secret.0, hex(secret.1.as_bytes()));
        assert_eq!(kept(&line), [secret]);
    }
}
