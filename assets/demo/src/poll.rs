//! The go/no-go poll.

/// The stations that say no.
pub fn no_goes<'a>(votes: &[(&'a str, bool)]) -> Vec<&'a str> {
    return votes
        .iter()
        .filter(|(_, go)| !go)
        .map(|(station, _)| *station)
        .collect();
}

/// Whether the launch is on: every station says go.
pub fn is_go(votes: &[(&str, bool)]) -> bool {
    no_goes(votes).len() == 0
}
