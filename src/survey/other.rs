//! Go, Java, Ruby and CMake: what is usual there.

use super::{
    Site, Survey,
    found::{FoundJob, Kind},
};

pub(super) fn go(site: &Site<'_>, survey: &mut Survey) {
    survey.seen.push("a Go module".to_owned());
    let job = |name: &str, kind: Kind, command: &str| {
        let job = site.job("go", name, kind, "go.mod is there").run(command);
        job.only_if(site.machine.has("go"), "`go` isn't on this machine")
    };
    // gofmt -l names the files and exits with 0 all the same.
    survey.add(job("format", Kind::Format, "files=$(gofmt -l .) && echo \"$files\" && test -z \"$files\""));
    survey.add(job("lint", Kind::Lint, "go vet ./..."));
    let build = job("build", Kind::Build, "go build ./...");
    let name = build.name.clone();
    survey.add(build);
    survey.add(job("test", Kind::Test, "go test ./...").after(Some(&name)));
}

pub(super) fn java(site: &Site<'_>, survey: &mut Survey) {
    let is_maven = site.has("pom.xml");
    let (wrapper, tool, seen) =
        if is_maven { ("mvnw", "mvn", "a Maven project") } else { ("gradlew", "gradle", "a Gradle project") };
    survey.seen.push(seen.to_owned());
    let program = if site.has(wrapper) { format!("sh ./{wrapper}") } else { tool.to_owned() };
    let command = if is_maven { format!("{program} -B -ntp test") } else { format!("{program} --console=plain test") };
    let why = if is_maven { "pom.xml is there" } else { "a Gradle build is there" };
    let job = site.job("java", "test", Kind::Test, why).run(command);
    let job = job.only_if(site.machine.has("java"), "`java` isn't on this machine");
    survey.add(job.only_if(site.has(wrapper) || site.machine.has(tool), format!("`{tool}` isn't on this machine")));
}

pub(super) fn ruby(site: &Site<'_>, survey: &mut Survey) {
    survey.seen.push("a Gemfile".to_owned());
    let present = |job: FoundJob| job.only_if(site.machine.has("bundle"), "`bundle` isn't on this machine");
    let install = site.job("ruby", "install", Kind::Install, "a Gemfile is there").run("bundle install");
    let name = install.name.clone();
    survey.add(present(install));
    let gemfile = site.read("Gemfile").unwrap_or_default() + &site.read("Gemfile.lock").unwrap_or_default();
    if site.has(".rubocop.yml") && gemfile.contains("rubocop") {
        let job = site.job("ruby", "lint", Kind::Lint, ".rubocop.yml is there").run("bundle exec rubocop");
        survey.add(present(job.after(Some(&name))));
    }
    let test = match site.first_of(&["spec", "Rakefile"]) {
        Some("spec") => Some("bundle exec rspec"),
        Some(_) => Some("bundle exec rake"),
        None => None,
    };
    if let Some(command) = test {
        let job = site.job("ruby", "test", Kind::Test, "a Gemfile and tests are there").run(command);
        survey.add(present(job.after(Some(&name))));
    }
}

pub(super) fn cmake(site: &Site<'_>, survey: &mut Survey) {
    survey.seen.push("a CMake project".to_owned());
    let lists = site.read("CMakeLists.txt").unwrap_or_default();
    let present = |job: FoundJob| job.only_if(site.machine.has("cmake"), "`cmake` isn't on this machine");
    let build = site.job("cmake", "build", Kind::Build, "CMakeLists.txt is there");
    let build = build.run("cmake -S . -B build").run("cmake --build build");
    let name = build.name.clone();
    survey.add(present(build));
    if ["enable_testing", "add_test", "include(CTest"].iter().any(|mark| lists.contains(mark)) {
        let job = site.job("cmake", "test", Kind::Test, "CMakeLists.txt has tests");
        survey.add(present(job.run("ctest --test-dir build --output-on-failure").after(Some(&name))));
    }
}
