//! `gonogo logs CONTAINER`: what a container has printed, straight from its engine.

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use crate::{
    domain::time::Timestamp,
    engine::docker::{
        act,
        fault::Fault,
        log::{Batch, Log, Wish},
    },
    redact::Redactor,
};

use super::{containers, logs::Args, report::Problem};

/// Prints it.
pub async fn run(args: &Args, wanted: &str) -> Result<ExitCode, Problem> {
    let hosts = containers::hosts()?;
    let row = containers::find(&hosts, args.engine.as_deref(), wanted).await?;
    let client = act::client(&hosts, &row.container.engine).await.map_err(|fault| containers::problem(&fault))?;
    let grep = args.grep.as_deref().map(|text| crate::store::output::pattern(text, args.ignore_case)).transpose();
    let grep = grep.map_err(|error| Problem::usage("the pattern does not read").because(&error))?;
    let since = args.since.map(|since| Timestamp::now().as_second() - since as i64);
    let wish = Wish { follow: args.follow, since, tail: args.tail, after: None, timeless: !args.json };
    let mut log = Log::open(client, &row.container.id, wish);
    let (mut out, mut err) = (Lines::new(io::stdout()), Lines::new(io::stderr()));
    loop {
        let batches = tokio::select! {
            batches = log.next() => batches,
            _ = tokio::signal::ctrl_c() => break,
        };
        let Some(batches) = batches else { break };
        let batches = batches
            .map_err(|error| containers::problem(&Fault::of(format!("the log of {} ended", row.name), &error)))?;
        for batch in batches {
            let printed = if args.json {
                json(&batch, &mut out)
            } else if batch.stderr {
                err.push(&batch, grep.as_ref())
            } else {
                out.push(&batch, grep.as_ref())
            };
            if printed.is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if out.flush().and_then(|()| err.flush()).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    // Whoever reads may be gone.
    let _ = out.finish(grep.as_ref()).and_then(|()| err.finish(grep.as_ref()));
    Ok(ExitCode::SUCCESS)
}

/// One stream, on its way out: secrets of well-known shapes are taken out, and lines that don't match.
struct Lines<W: Write> {
    out: BufWriter<W>,
    redactor: Redactor,
    ready: Vec<u8>,
    /// The line under way, where only lines that match are wanted.
    open: Vec<u8>,
}

impl<W: Write> Lines<W> {
    fn new(out: W) -> Self {
        let redactor = Redactor::new::<&str, &str>(&[]);
        Self { out: BufWriter::with_capacity(64 << 10, out), redactor, ready: Vec::new(), open: Vec::new() }
    }

    fn push(&mut self, batch: &Batch, grep: Option<&regex::bytes::Regex>) -> io::Result<()> {
        self.redactor.push(&batch.bytes, &mut self.ready);
        self.pass(grep, false)
    }

    fn finish(&mut self, grep: Option<&regex::bytes::Regex>) -> io::Result<()> {
        self.redactor.finish(&mut self.ready);
        self.pass(grep, true)?;
        self.out.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.redactor.flush_idle(&mut self.ready);
        self.out.write_all(&std::mem::take(&mut self.ready)).and_then(|()| self.out.flush())
    }

    fn pass(&mut self, grep: Option<&regex::bytes::Regex>, ended: bool) -> io::Result<()> {
        let Some(grep) = grep else {
            self.out.write_all(&self.ready)?;
            self.ready.clear();
            return Ok(());
        };
        self.open.append(&mut self.ready);
        let end =
            if ended { self.open.len() } else { self.open.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1) };
        let lines: Vec<u8> = self.open.drain(..end).collect();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if grep.is_match(line.trim_ascii_end()) {
                self.out.write_all(line)?;
            }
        }
        Ok(())
    }
}

fn json(batch: &Batch, out: &mut Lines<io::Stdout>) -> io::Result<()> {
    for line in batch.bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut text = Vec::new();
        out.redactor.push(line, &mut text);
        out.redactor.finish(&mut text);
        let text = String::from_utf8_lossy(text.trim_ascii_end()).into_owned();
        let stream = if batch.stderr { "stderr" } else { "stdout" };
        writeln!(out.out, "{}", serde_json::json!({ "at": batch.at, "stream": stream, "text": text }))?;
    }
    Ok(())
}
