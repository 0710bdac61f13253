//! The rules, one file a family of tools. To add a tool, add its lines to the family's `RULES`.
#![allow(clippy::case_sensitive_file_extension_comparisons, reason = "tools print the names that repositories use")]
#![allow(clippy::assigning_clones, reason = "a message is assigned once; nothing is there to be reused")]

mod c;
mod check;
mod coverage;
mod deploy;
mod docker;
mod docs;
mod dotnet;
mod format;
mod generic;
mod git;
mod go;
mod infra;
mod javascript;
mod jsbuild;
mod jstest;
mod jvm;
mod network;
mod package;
mod perl;
mod php;
mod pytest;
mod python;
mod resource;
mod ruby;
mod runner;
mod rust;
mod security;
mod shell;
mod swift;

pub(super) use generic::of_words;

use super::rule::Rule;

/// All rules. Of two that match one line, the earlier wins.
pub(super) const ALL: [&[Rule]; 29] = [
    resource::RULES,
    runner::RULES,
    rust::RULES,
    pytest::RULES,
    python::RULES,
    jstest::RULES,
    javascript::RULES,
    jsbuild::RULES,
    go::RULES,
    jvm::RULES,
    ruby::RULES,
    dotnet::RULES,
    php::RULES,
    swift::RULES,
    perl::RULES,
    docker::RULES,
    infra::RULES,
    package::RULES,
    security::RULES,
    docs::RULES,
    coverage::RULES,
    format::RULES,
    check::RULES,
    c::RULES,
    git::RULES,
    network::RULES,
    deploy::RULES,
    shell::RULES,
    generic::RULES,
];
