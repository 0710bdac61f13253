//! `package.json`.

use serde_json::Value;

use super::{
    Site, Survey,
    found::{Kind, Skipped},
};

/// Scripts that check something, in the order of preference for each kind.
const SCRIPTS: [(Kind, &str, &[&str]); 5] = [
    (Kind::Format, "format", &["format:check", "check:format", "fmt:check", "prettier:check", "check-format"]),
    (Kind::Lint, "lint", &["lint", "lint:check", "eslint", "lint:js", "lint:ts"]),
    (Kind::Types, "types", &["typecheck", "type-check", "check-types", "types", "tsc"]),
    (Kind::Build, "build", &["build", "compile"]),
    (Kind::Test, "test", &["test", "test:unit", "test:ci", "tests"]),
];

/// A package manager: its lock file, its name, and how it installs exactly what is locked.
const MANAGERS: [(&str, &str, &str); 6] = [
    ("pnpm-lock.yaml", "pnpm", "pnpm install --frozen-lockfile"),
    ("yarn.lock", "yarn", "yarn install --frozen-lockfile"),
    ("bun.lock", "bun", "bun install --frozen-lockfile"),
    ("bun.lockb", "bun", "bun install --frozen-lockfile"),
    ("package-lock.json", "npm", "npm ci"),
    ("npm-shrinkwrap.json", "npm", "npm ci"),
];

pub(super) fn look(site: &Site<'_>, survey: &mut Survey) {
    let Some(Ok(package)) = site.read("package.json").map(|text| serde_json::from_str::<Value>(&text)) else { return };
    let locked = MANAGERS.iter().find(|(lock, ..)| site.has(lock));
    let (manager, install) = match locked {
        Some((_, "yarn", _)) if site.has(".yarnrc.yml") => ("yarn", "yarn install --immutable"),
        Some((_, manager, install)) => (*manager, *install),
        // Without a lock file there is nothing to write one for: the checkout stays as it is.
        None => match package["packageManager"].as_str().and_then(|named| named.split('@').next()) {
            Some("pnpm") => ("pnpm", "pnpm install --no-lockfile"),
            Some("yarn") => ("yarn", "yarn install --no-lockfile"),
            _ => ("npm", "npm install --no-package-lock --no-audit --no-fund"),
        },
    };
    survey.seen.push(format!("{} ({manager})", site.below.join("package.json").display()));
    let present = site.machine.has(manager) && (manager == "bun" || site.machine.has("node"));
    let missing = format!("`{manager}` isn't on this machine");

    let depends = |key: &str| package[key].as_object().is_some_and(|list| !list.is_empty());
    let mut before = None;
    if depends("dependencies") || depends("devDependencies") || package["workspaces"].is_array() {
        let why = match locked {
            Some((lock, ..)) => format!("package.json has dependencies, locked in {lock}"),
            None => "package.json has dependencies".to_owned(),
        };
        let job = site.job("node", "install", Kind::Install, why).run(install).only_if(present, &missing);
        before = Some(job.name.clone());
        survey.add(job);
    }
    let mut build = None;
    for (kind, name, scripts) in SCRIPTS {
        let script = scripts.iter().find_map(|script| Some((*script, package["scripts"][*script].as_str()?)));
        let Some((script, command)) = script else { continue };
        if command.contains("no test specified") {
            continue;
        }
        let run = if script == "test" { format!("{manager} test") } else { format!("{manager} run {script}") };
        if ["--watch", "watch ", "nodemon"].iter().any(|word| command.contains(word))
            && !command.contains("--watch=false")
        {
            survey.skipped.push(Skipped { what: run, why: format!("`{command}` never ends") });
            continue;
        }
        let job = site.job("node", name, kind, format!("package.json has the script `{script}`: {}", brief(command)));
        let job = job.run(run).after(before.as_deref()).only_if(present, &missing);
        let after_build = (kind == Kind::Test).then_some(build.as_deref()).flatten();
        let job = job.after(after_build);
        if kind == Kind::Build {
            build = Some(job.name.clone());
        }
        survey.add(job);
    }
    let typed = package["devDependencies"]["typescript"].is_string() && site.has("tsconfig.json");
    let checked = survey.jobs.iter().any(|job| job.family == "node" && job.kind == Kind::Types)
        || package["scripts"]["build"].as_str().is_some_and(|build| build.contains("tsc"));
    if typed && !checked {
        let job = site.job("node", "types", Kind::Types, "tsconfig.json is there, and no script checks the types");
        survey.add(job.run("npx --no-install tsc --noEmit").after(before.as_deref()).only_if(present, &missing));
    }
}

fn brief(command: &str) -> String {
    if command.chars().count() <= 60 {
        command.to_owned()
    } else {
        format!("{}…", command.chars().take(59).collect::<String>())
    }
}
