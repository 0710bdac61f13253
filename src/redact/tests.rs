#![allow(clippy::unwrap_used, clippy::format_collect)]
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

const SECRETS: [(&str, &str); 4] = [
    ("DATABASE_URL", "p@ss word/ünïcode'1"),
    ("DEPLOY_KEY", "first line of the key\nsecond-line-of-it\nthird line, ÄÖÜ"),
    ("PIN", "4711"),
    ("LONGER", "4711-and-more"),
];

fn whole(text: &[u8]) -> Vec<u8> {
    split(text, &[])
}

/// Redacts `text` cut at the given places.
fn split(text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut redactor = Redactor::new(&SECRETS);
    let mut out = Vec::new();
    let mut at = 0;
    for &cut in cuts {
        redactor.push(&text[at..cut], &mut out);
        at = cut;
    }
    redactor.push(&text[at..], &mut out);
    redactor.finish(&mut out);
    out
}

fn shown(text: &str) -> String {
    Arc::new(Secrets::new(&SECRETS)).redact_text(text)
}

#[test]
fn a_declared_value_is_found_in_every_form() {
    let value = SECRETS[0].1;
    let table = [
        ("plain", value.to_owned()),
        ("base64", STANDARD.encode(value)),
        ("base64, one before", STANDARD.encode(format!("x{value}yz"))),
        ("base64, two before", STANDARD.encode(format!("xy{value}z"))),
        ("base64, three before", STANDARD.encode(format!("xyz{value}"))),
        ("url", "p%40ss%20word%2F%C3%BCn%C3%AFcode%271".into()),
        ("form", "p%40ss+word%2f%c3%bcn%c3%afcode%271".into()),
        ("json", serde_json::to_string(value).unwrap()),
        ("json ascii", "p@ss word/\\u00fcn\\u00efcode'1".into()),
        ("shell", r"'p@ss word/ünïcode'\''1'".into()),
        ("shlex", r#"'p@ss word/ünïcode'"'"'1'"#.into()),
        ("hex", value.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ];
    for (form, text) in table {
        let out = shown(&format!("before {text} after\n"));
        assert!(out.contains("***DATABASE_URL***"), "{form}: {out}");
        let left = out.replace("***DATABASE_URL***", "");
        let left = left.strip_prefix("before ").unwrap().strip_suffix(" after\n").unwrap();
        assert!(left.len() <= 8, "{form}: {left}");
    }
}

#[test]
fn values_with_lines_overlapping_values_and_short_values() {
    assert_eq!(
        shown("a first line of the key\r\n  second-line-of-it\nthird line, ÄÖÜ\nx"),
        "a ***DEPLOY_KEY***\r\n  ***DEPLOY_KEY***\n***DEPLOY_KEY***\nx"
    );
    assert_eq!(shown("4711-and-more 4711-and 4711"), "***LONGER*** ***PIN***-and ***PIN***");
    let short = Secrets::new(&[("NO", "abc"), ("EMPTY", ""), ("LINES", "one\ntwo\nand a longer one")]);
    assert_eq!(short.warnings().len(), 3);
    assert_eq!(Arc::new(short).redact_text("abc one two"), "abc one two");
}

#[test]
fn known_shapes_are_found() {
    let a = |n: usize| "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8".chars().cycle().take(n).collect::<String>();
    let table = [
        (format!("ghp_{}", a(36)), "GitHub token"),
        (format!("github_pat_{}_{}", a(22), a(59)), "GitHub token"),
        (format!("ghs_{}", a(36)), "GitHub token"),
        (format!("glpat-{}", a(20)), "GitLab token"),
        ("AKIAIOSFODNN7EXAMPLE".into(), "AWS key id"),
        (format!("AIza{}", a(35)), "Google key"),
        (format!("xoxb-123456789012-{}", a(24)), "Slack token"),
        (format!("sk_live_{}", a(24)), "Stripe key"),
        (format!("rk_live_{}", a(24)), "Stripe key"),
        (format!("sk-{}", a(48)), "OpenAI key"),
        (format!("sk-proj-{}", a(64)), "OpenAI key"),
        (format!("sk-ant-api03-{}", a(80)), "Anthropic key"),
        (format!("npm_{}", a(36)), "npm token"),
        (format!("pypi-AgEIcHlwaS5vcmc{}", a(60)), "PyPI token"),
        (format!("dckr_pat_{}", a(27)), "Docker token"),
        (format!("hf_{}", a(34)), "Hugging Face token"),
        (format!("vcp_{}", a(56)), "Vercel token"),
        (format!("SG.{}.{}", a(22), a(43)), "SendGrid key"),
        ("SK0123456789abcdef0123456789abcdef".into(), "Twilio key"),
        (format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", a(43)), "JWT"),
    ];
    for (token, name) in &table {
        for (before, after) in [("", ""), ("using ", " now"), ("X=\"", "\""), ("\x1b[1;32m", "\x1b[0m"), ("{\\n", "}")]
        {
            let text = format!("{before}{token}{after}\n");
            let out = shown(&text);
            let assigned = format!("{before}***assigned secret***{after}\n");
            assert!(out == format!("{before}***{name}***{after}\n") || out == assigned, "{text}: {out}");
        }
    }
}

#[test]
fn credentials_in_context_are_found() {
    let table = [
        ("GET https://user:hunter22@host/x", "GET https://user:***password***@host/x"),
        ("redis://:s3cr3t@cache:6379/0", "redis://:***password***@cache:6379/0"),
        ("https://0123456789abcdef0123456789abcdef@sentry.io/1", "https://***credential***@sentry.io/1"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***credential***"),
        (r#""authorization": "Basic dXNlcjpwYXNz""#, r#""authorization": "Basic ***credential***""#),
        ("-H 'Authorization: token 0123456789abcdef'", "-H 'Authorization: token ***credential***'"),
        ("password=hV8$kq2!Zt", "password=***assigned secret***"),
        ("DB_PASSWORD: 'x9Kd02mQpL'", "DB_PASSWORD: '***assigned secret***'"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY9",
            "aws_secret_access_key = ***assigned secret***",
        ),
        (r#"{"api_key":"9f86d081884c7d659a2feaa0c55ad015","n":1}"#, r#"{"api_key":"***assigned secret***","n":1}"#),
        ("export NPM_TOKEN=5f1c2a7e-9d3b-4c8a-b1e6-0a2f4d6c8e1b", "export NPM_TOKEN=***assigned secret***"),
        (r#"{\"token\":\"9f86d081884c7d659a2feaa0c55ad015\"}"#, r#"{\"token\":\"***assigned secret***\"}"#),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text), expected);
    }
}

#[test]
fn private_keys_are_taken_out_to_their_end() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n{body}\nabc=\n-----END RSA PRIVATE KEY-----\n");
    let out = shown(&format!("a\n{key}b\n"));
    assert!(!out.contains("MII") && !out.contains("abc=") && out.starts_with("a\n") && out.ends_with("\nb\n"), "{out}");
    let stamped: String = key.lines().map(|line| format!("12:00:01 | {line}\r\n")).collect();
    let out = shown(&stamped);
    assert!(!out.contains("MII") && !out.contains("abc="), "{out}");
    let json = format!(r#"{{"private_key": "{}", "id": 1}}"#, key.replace('\n', "\\n"));
    assert_eq!(shown(&json), r#"{"private_key": "***private key***\n", "id": 1}"#);
    let mention = "error: expected `-----BEGIN PRIVATE KEY-----` here\nand more text\n";
    assert_eq!(shown(mention), mention);
    let cut_off = format!("-----BEGIN PRIVATE KEY-----\n{body}\nerror: no end\nnext line\n");
    assert!(shown(&cut_off).ends_with("***\nerror: no end\nnext line\n"));
    assert!(shown("-----BEGIN CERTIFICATE-----\nMIIE\n").contains("MIIE"));
}

#[test]
fn ordinary_logs_pass_unchanged() {
    let log = include_str!("ordinary.log");
    for line in log.lines() {
        assert_eq!(shown(line), line);
    }
    assert_eq!(shown(log), log);
}

#[test]
fn a_secret_written_byte_by_byte_with_pauses_is_not_seen() {
    let mut redactor = Redactor::new(&SECRETS);
    let mut out = Vec::new();
    for byte in "Password: p@ss word/ünïcode'1 ok? ".bytes() {
        redactor.push(&[byte], &mut out);
        redactor.flush_idle(&mut out);
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    assert!(!text.contains("p@ss"), "{text}");
    assert!(text.ends_with("***DATABASE_URL*** ok? "), "{text}");
    redactor.push(b"\n", &mut out);
    assert!(out.ends_with(b" ok? \n"));
}

#[test]
fn a_prompt_is_seen_and_a_token_under_way_is_not() {
    for (text, seen) in [
        ("Password: ", "Password: "),
        ("Continue? [y/N] ", "Continue? [y/N] "),
        ("using ghp_abc", "using "),
        ("token=9f86d0", "token="),
        ("https://user:hun", "https"),
        ("50%", "50%"),
        ("4711-and-mo", ""),
    ] {
        let mut redactor = Redactor::new(&SECRETS);
        let mut out = Vec::new();
        redactor.push(text.as_bytes(), &mut out);
        redactor.flush_idle(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), seen);
    }
}

#[test]
fn a_secret_anywhere_in_a_long_line_is_found() {
    let token = "ghp_aB3dE5gH7jK9mN1pQ2sT4vW6yZ8aB3dE5gH7";
    for at in (40_000..140_000).step_by(997) {
        let text = format!("{} {token} p@ss word/ünïcode'1 {}", ". ".repeat(at / 2), ". ".repeat(30_000));
        let out = String::from_utf8(whole(text.as_bytes())).unwrap();
        let expected = text.replace(token, "***GitHub token***").replace(SECRETS[0].1, "***DATABASE_URL***");
        assert!(out == expected, "{at}");
        assert!(split(text.as_bytes(), &[at, at + 3, at + 70]) == out.as_bytes(), "{at}");
    }
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(SECRETS[0].1.as_bytes().to_vec()),
        Just(SECRETS[1].1.as_bytes().to_vec()),
        Just(SECRETS[3].1.as_bytes().to_vec()),
        Just(STANDARD.encode(SECRETS[0].1).into_bytes()),
        Just(b"ghp_aB3dE5gH7jK9mN1pQ2sT4vW6yZ8aB3dE5gH7".to_vec()),
        Just(b"https://user:hunter22@host".to_vec()),
        Just(b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----".to_vec()),
        Just(b"-----BEGIN PRIVATE KEY-----\r\n".to_vec()),
        Just(b"password=".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b" ".to_vec()),
        Just("\x1b[31mä\x1b[0m".into()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_the_cuts(text in pieces(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let out = whole(&text);
        prop_assert_eq!(&split(&text, &cuts), &out);
        let every: Vec<usize> = (0..text.len()).collect();
        prop_assert_eq!(&split(&text, &every), &out);
        for secret in ["p@ss word", "4711", "hunter22", "ghp_aB3", "second-line-of-it", "MIIEvQIBADANBg"] {
            prop_assert!(!out.windows(secret.len()).any(|window| window == secret.as_bytes()), "{} in {:?}", secret, String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn pauses_anywhere_show_no_secret(text in pieces(), pauses in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut pauses: Vec<usize> = pauses.iter().map(|pause| pause.index(text.len() + 1)).collect();
        pauses.sort_unstable();
        let mut redactor = Redactor::new(&SECRETS);
        let mut out = Vec::new();
        let mut at = 0;
        for pause in pauses {
            redactor.push(&text[at..pause], &mut out);
            redactor.flush_idle(&mut out);
            at = pause;
        }
        redactor.push(&text[at..], &mut out);
        redactor.finish(&mut out);
        for secret in ["p@ss word", "4711", "hunter22", "ghp_aB3dE5gH", "second-line-of-it", "MIIEvQIBADANBg"] {
            prop_assert!(!out.windows(secret.len()).any(|window| window == secret.as_bytes()), "{} in {:?}", secret, String::from_utf8_lossy(&out));
        }
    }
}
