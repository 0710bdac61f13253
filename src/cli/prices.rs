//! `gonogo prices`: what models cost by the table, and lists of prices that others keep.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use crate::{
    agent::model::{BY_VARIABLE, URL_VARIABLE},
    config::settings::model::ProviderKind,
    domain::{budget::day, time::Timestamp},
    price::{
        import::{Imported, import},
        name::is_here,
        table::{Price, Prices},
    },
};

use super::{
    place::{Place, Reach},
    plain::say,
    ps,
    report::{Problem, chain},
    status::pretty,
};

/// Name of the user's own file of prices, beside `config.toml`.
const FILE: &str = "prices.toml";

/// The kind under which a server on this machine is priced.
const OWN: &str = "local";

/// Arguments of `gonogo prices`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List what models cost: USD for a million tokens
    List {
        /// Only those in whose name this occurs
        #[arg(value_name = "TEXT")]
        text: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take over the prices of models.dev (api.json) or LiteLLM (model_prices_and_context_window.json)
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only say what would change
        #[arg(long, short = 'n')]
        dry_run: bool,
    },
}

/// Lists them, or takes others over.
pub fn run(args: &Args) -> Result<ExitCode, Problem> {
    let place = Place::find(Reach::InProcess)?;
    place.warn();
    match &args.what {
        What::List { text, json } => Ok(list(&known(&place)?, text.as_deref().unwrap_or_default(), *json)),
        What::Import { file, dry_run } => take_over(&place, file, *dry_run),
    }
}

/// The table with everything that the user says: `prices.toml`, then `config.toml`.
pub fn known(place: &Place) -> Result<Prices, Problem> {
    let prices = with_file(place)?.with(&place.settings.prices);
    let compatible = |url: &str| if is_here(url) { OWN } else { ProviderKind::Compatible.name() };
    let by_variable = std::env::var(URL_VARIABLE).ok();
    let prices = by_variable.iter().fold(prices, |prices, url| prices.knowing(BY_VARIABLE, compatible(url)));
    Ok(place.settings.models.providers.iter().fold(prices, |prices, provider| {
        let kind = match (provider.kind, &provider.url) {
            (ProviderKind::Compatible, Some(url)) => compatible(url),
            (kind, _) => kind.name(),
        };
        prices.knowing(&provider.name, kind)
    }))
}

fn with_file(place: &Place) -> Result<Prices, Problem> {
    let file = own_file(place);
    let text = read(&file)?;
    let (prices, bad) = Prices::built_in().with_file(&text).map_err(|error| {
        Problem::usage(format!("can't read {}", file.display())).because(&error).hint("mend it, or move it away")
    })?;
    for row in bad {
        super::report::warn(&format!("{}: {}: {}", file.display(), row.model, row.why));
    }
    Ok(prices)
}

fn own_file(place: &Place) -> PathBuf {
    place.paths.config_file.with_file_name(FILE)
}

fn read(file: &Path) -> Result<String, Problem> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Problem::usage(format!("can't read {}", file.display())).because(&error)),
    }
}

fn list(prices: &Prices, text: &str, as_json: bool) -> ExitCode {
    let today = day(Timestamp::now());
    let rows = prices.rows().filter(|(provider, model, _)| format!("{provider}/{model}").contains(text));
    if as_json {
        let rows: Vec<_> = rows
            .map(|(provider, model, row)| {
                let price = row.at(today);
                let rates = |rates: &crate::domain::price::Rates| {
                    json!({
                        "input": rates.input.to_string(), "output": rates.output.to_string(),
                        "cache_read": rates.cache_read.to_string(), "cache_write": rates.cache_write.to_string(),
                        "cache_write_1h": rates.cache_write_1h.to_string(),
                    })
                };
                let tiers: Vec<_> =
                    price.tiers.iter().map(|(above, tier)| json!({ "above": above, "usd": rates(tier) })).collect();
                json!({
                    "provider": provider, "model": model, "usd_per_million": rates(&price.base), "tiers": tiers,
                    "source": row.source, "verified": row.verified.map(|day| day.to_string()),
                })
            })
            .collect();
        say(&pretty(&json!({ "prices": rows })));
        return ExitCode::SUCCESS;
    }
    let head = ["MODEL", "IN", "OUT", "READ", "WRITE", "1H", "ABOVE", "VERIFIED", "SOURCE"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for (provider, model, row) in rows {
        let price = row.at(today);
        let tiers = price.tiers.iter().map(|(above, tier)| (format!("{}k", above / 1000), tier));
        for (nth, (above, rates)) in std::iter::once((String::new(), &price.base)).chain(tiers).enumerate() {
            let first = nth == 0;
            let money = [rates.input, rates.output, rates.cache_read, rates.cache_write, rates.cache_write_1h];
            let mut cells = vec![if first { format!("{provider}/{model}") } else { String::new() }];
            cells.extend(money.map(|rate| rate.to_string()));
            cells.push(above);
            cells.push(row.verified.filter(|_| first).map(|day| day.to_string()).unwrap_or_default());
            cells.push(if first { row.source.clone() } else { String::new() });
            table.push(cells);
        }
    }
    if table.len() == 1 {
        say(&format!("no model with `{text}` in its name has a price"));
        say(
            "hint: `gonogo prices import FILE` takes over the list of models.dev or LiteLLM; [prices.models] of config.toml says one",
        );
        return ExitCode::SUCCESS;
    }
    let _ = ps::lines(&table).iter().all(|line| say(line));
    ExitCode::SUCCESS
}

fn take_over(place: &Place, file: &Path, dry_run: bool) -> Result<ExitCode, Problem> {
    let list = fs::read_to_string(file)
        .map_err(|error| Problem::usage(format!("can't read {}", file.display())).because(&error))?;
    let own = own_file(place);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let known = with_file(place)?;
    let done = import(&list, &read(&own)?, &known, (&name, day(Timestamp::now())))
        .map_err(|error| Problem::usage(format!("can't take over {}", file.display())).because(&error))?;
    let mut heard = true;
    for change in &done.changes {
        let before = change.before.as_ref().map_or_else(|| "new: ".into(), |price| format!("{} -> ", said(price)));
        heard = heard && say(&format!("{}  {before}{}", change.model, said(&change.after)));
    }
    let Imported { changes, same, silent, bad, .. } = &done;
    if !changes.is_empty() && !dry_run {
        put(&own, &done.file)
            .map_err(|error| Problem::fault(format!("can't write {}: {}", own.display(), chain(&error))))?;
    }
    for row in bad {
        super::report::warn(&format!("left out: {}: {}", row.model, row.why));
    }
    let into = match (dry_run, changes.is_empty()) {
        (true, _) => "nothing was written".to_owned(),
        (false, true) => "nothing to write".to_owned(),
        (false, false) => format!("written to {}", own.display()),
    };
    say(&format!(
        "{} new or changed, {same} as before, {silent} without a price of tokens, {} left out; {into}",
        changes.len(),
        bad.len()
    ));
    Ok(ExitCode::SUCCESS)
}

/// `4 / 20 / 0.2 / 5, above 200k 8 / 40 / 0.4 / 10`: input, output, read from the cache, written into it.
fn said(price: &Price) -> String {
    let rates = |rates: &crate::domain::price::Rates| {
        format!("{} / {} / {} / {}", rates.input, rates.output, rates.cache_read, rates.cache_write)
    };
    let tiers = price.tiers.iter().map(|(above, tier)| format!(", above {}k {}", above / 1000, rates(tier)));
    format!("{}{}", rates(&price.base), tiers.collect::<String>())
}

/// Writes a file whole, or not at all.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(b"# Prices of models, over those that are built in: USD for a million tokens. `gonogo prices import` writes this\n# file; what is changed here by hand stays, comments do not.\n\n")?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}
