//! Names that do not resolve, connections that are refused, certificates, HTTP errors, rate limits.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Config, Network, Resource, Timeout};

const fn symptom(tool: &'static str, needle: &'static str, pattern: &'static str) -> Rule {
    rule(tool, Network, needle, pattern).level(Level::Symptom).then(untraced)
}

pub(super) const RULES: &[Rule] = &[
    symptom("curl", "curl: (", r"(?P<message>curl: \((?P<code>\d+)\) .+)").then(curl),
    symptom(
        "wget",
        "wget: ",
        r"^(?P<message>wget: (?:unable to resolve|can't connect|server returned error|download timed out|bad address).+)",
    ),
    symptom("wget", "ERROR ", r"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?(?P<message>ERROR (?P<code>[45]\d\d): .+)$")
        .then(status),
    symptom("wget", "failed: ", r"^(?P<message>Connecting to .+ failed: .+)"),
    symptom("ssh", "ssh: ", r"^(?P<message>ssh: (?:connect to host|Could not resolve hostname).+)"),
    symptom("network", "Could not resolve host", r"(?P<message>.*Could not resolve host.*)"),
    symptom(
        "network",
        "Temporary failure in name resolution",
        r"(?P<message>.*Temporary failure in name resolution.*)",
    ),
    symptom("network", "Name or service not known", r"(?P<message>.*Name or service not known.*)"),
    symptom("network", "getaddrinfo ", r"(?P<message>.*getaddrinfo (?:ENOTFOUND|EAI_AGAIN|failed).*)"),
    symptom("network", "no such host", r"(?P<message>.*: no such host.*)"),
    symptom("network", "ECONNREFUSED", r"(?P<message>.*ECONNREFUSED.*)"),
    symptom("network", "ECONNRESET", r"(?P<message>.*ECONNRESET.*)"),
    symptom("network", "ETIMEDOUT", r"(?P<message>.*ETIMEDOUT.*)"),
    symptom("network", "onnection refused", r"(?P<message>.*[cC]onnection refused.*)"),
    symptom("network", "onnection reset by peer", r"(?P<message>.*[cC]onnection reset by peer.*)"),
    symptom("network", "onnection timed out", r"(?P<message>.*[cC]onnection timed out.*)"),
    symptom("network", "Network is unreachable", r"(?P<message>.*Network is unreachable.*)"),
    symptom("network", "TLS handshake timeout", r"(?P<message>.*TLS handshake timeout.*)"),
    symptom("network", "i/o timeout", r"(?P<message>.*i/o timeout.*)"),
    symptom("network", "certificate verify failed", r"(?P<message>.*certificate verify failed.*)"),
    symptom("network", "certificate has expired", r"(?P<message>.*certificate has expired.*)"),
    symptom("network", "x509: ", r"(?P<message>.*x509: certificate.+)"),
    symptom(
        "network",
        "unable to get local issuer certificate",
        r"(?P<message>.*unable to get local issuer certificate.*)",
    ),
    symptom("network", "SSL_ERROR_SYSCALL", r"(?P<message>.*SSL_ERROR_SYSCALL.*)"),
    symptom("http", "502 Bad Gateway", r"(?P<message>.*502 Bad Gateway.*)"),
    symptom("http", "503 Service", r"(?P<message>.*503 Service (?:Temporarily )?Unavailable.*)"),
    symptom("http", "504 Gateway", r"(?P<message>.*504 Gateway Time-?[oO]ut.*)"),
    symptom("http", "429 Too Many Requests", r"(?P<message>.*429 Too Many Requests.*)"),
    symptom("http", "500 Internal Server Error", r"(?P<message>.*500 Internal Server Error.*)"),
    symptom("http", "rate limit exceeded", r"(?i)(?P<message>.*rate limit exceeded.*)"),
    symptom("http", "secondary rate limit", r"(?P<message>.*secondary rate limit.*)"),
    symptom("network", "net::ERR_", r"(?P<message>.*net::ERR_(?:CONNECTION|NAME|INTERNET|NETWORK|TIMED).*)"),
];

/// An exception under a Python traceback is the traceback's.
fn untraced(finding: &mut Finding, log: &Log) -> bool {
    let raised = super::pytest::exception(log.line(finding.at).trim()).is_some();
    !raised || !log.before(finding.at, 60).any(|(_, line)| line.starts_with("Traceback (most recent call last)"))
}

fn curl(finding: &mut Finding, log: &Log) -> bool {
    match finding.said.code.as_deref().unwrap_or_default() {
        "22" => {
            let said = log.line(finding.at);
            if ["401", "403", "404", "400", "422"].iter().any(|status| said.ends_with(status)) {
                finding.category = if said.ends_with("404") { Network } else { Config };
            }
        }
        "23" => finding.category = Resource,
        "28" if finding.said.message.contains("Operation timed out") => finding.category = Network,
        "1" | "2" | "3" | "26" | "37" => finding.category = Config,
        _ => {}
    }
    if finding.category == Timeout {
        finding.category = Network;
    }
    true
}

fn status(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.code.as_deref() == Some("401") || finding.said.code.as_deref() == Some("403") {
        finding.category = Config;
    }
    true
}
