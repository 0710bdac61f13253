//! Whether an agent makes progress.

use std::collections::BTreeMap;

use crate::domain::talk::ToolCall;

/// The same call so often, or so many rounds of nothing but errors, is no progress.
const OFTEN: u32 = 3;

/// What an agent has done so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// How often each call was made since something else last changed.
    made: BTreeMap<String, u32>,
    /// Rounds in which every call failed, one after the other.
    errors: u32,
}

impl Watch {
    /// Takes in a round of calls: each with whether it worked, and whether it changed something. Says what it keeps doing.
    pub(super) fn round<'a>(&mut self, calls: impl Iterator<Item = (&'a ToolCall, bool, bool)>) -> Option<String> {
        let mut failed = true;
        let mut stuck = None;
        for (call, ok, changes) in calls {
            failed &= !ok;
            // `serde_json` keeps an object's order, so the same arguments in another order are another call: steps end that.
            let name = format!("{} {}", call.tool, call.arguments);
            if changes && ok {
                // What it looks at from now on may be another.
                let own = self.made.remove(&name);
                self.made.clear();
                self.made.extend(own.map(|times| (name.clone(), times)));
            }
            let times = self.made.entry(name).or_default();
            *times += 1;
            if *times >= OFTEN {
                stuck = Some(format!("{} with the same arguments, {OFTEN} times", call.tool));
            }
        }
        self.errors = if failed { self.errors + 1 } else { 0 };
        stuck.or_else(|| (self.errors >= OFTEN).then(|| format!("nothing but errors, {OFTEN} times in a row")))
    }
}
