//! Which key means what, where. No terminal here: the screen turns what it reads into [`chord::KeyChord`]s.

pub mod action;
pub mod chord;

use std::collections::BTreeMap;

use action::{ACTIONS, Action, Context, Entry};
use chord::KeyChord;

/// Every action with its keys, the user's or the default ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    /// By position in [`ACTIONS`].
    keys: Vec<Vec<KeyChord>>,
}

/// Two actions that want the same key where both are in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{chord}` would mean both `{}` and `{}`", wanted.name, holder.name)]
pub struct Clash {
    /// The key.
    pub chord: KeyChord,
    /// The action that was to be rebound; it keeps its default keys.
    pub wanted: &'static Entry,
    /// The action that has the key.
    pub holder: &'static Entry,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { keys: ACTIONS.iter().map(Entry::default_keys).collect() }
    }
}

impl Keymap {
    /// The default keys with the user's in their place. An action whose new keys clash with another's keeps its default ones.
    pub fn rebound(wanted: &BTreeMap<(Context, &str), Vec<KeyChord>>) -> (Self, Vec<Clash>) {
        let mut map = Self::default();
        let mut rebound: Vec<usize> = Vec::new();
        for (index, entry) in ACTIONS.iter().enumerate() {
            if let Some(keys) = wanted.get(&(entry.context, entry.name)) {
                map.keys[index].clone_from(keys);
                rebound.push(index);
            }
        }
        let mut clashes = Vec::new();
        // The defaults have no clash, so taking rebound actions back one by one comes to an end.
        while let Some((chord, one, other)) = map.clash() {
            let index = if rebound.contains(&other) { other } else { one };
            let holder = if index == other { one } else { other };
            clashes.push(Clash { chord, wanted: &ACTIONS[index], holder: &ACTIONS[holder] });
            map.keys[index] = ACTIONS[index].default_keys();
            rebound.retain(|rebound| *rebound != index);
        }
        (map, clashes)
    }

    /// Two actions with the same key, both of which are in force somewhere.
    fn clash(&self) -> Option<(KeyChord, usize, usize)> {
        let rows: Vec<(usize, Context, &Vec<KeyChord>)> =
            self.keys.iter().enumerate().map(|(index, keys)| (index, ACTIONS[index].context, keys)).collect();
        for (one, context, keys) in &rows {
            for (other, _, theirs) in rows[one + 1..].iter().filter(|(_, other, _)| context.meets(*other)) {
                if let Some(chord) = keys.iter().find(|chord| theirs.contains(chord)) {
                    return Some((*chord, *one, *other));
                }
            }
        }
        None
    }

    /// What a key means, in the first of these contexts that knows it: the pane's own, then [`Context::Global`].
    pub fn action(&self, contexts: &[Context], chord: KeyChord) -> Option<Action> {
        contexts.iter().find_map(|context| {
            let of_context = self.rows().filter(|(entry, _)| entry.context == *context);
            of_context.into_iter().find(|(_, keys)| keys.contains(&chord)).map(|(entry, _)| entry.action)
        })
    }

    /// Every row of the table with the keys that are in force, for the help overlay, the palette and the docs.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Entry, &[KeyChord])> {
        ACTIONS.iter().zip(self.keys.iter().map(Vec::as_slice))
    }

    /// The keys of an action.
    pub fn keys(&self, context: Context, action: Action) -> &[KeyChord] {
        let row = self.rows().find(|(entry, _)| entry.context == context && entry.action == action);
        row.map(|(_, keys)| keys).unwrap_or_default()
    }

    /// The first key of an action as it is shown (`?`, `Ctrl-L`), or an empty text.
    pub fn label(&self, context: Context, action: Action) -> String {
        self.keys(context, action).first().map(ToString::to_string).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chord(text: &str) -> KeyChord {
        text.parse().unwrap()
    }

    fn rebind(wanted: &[(Context, &'static str, &[&str])]) -> (Keymap, Vec<String>) {
        let wanted =
            wanted.iter().map(|(context, name, keys)| ((*context, *name), keys.iter().map(|k| chord(k)).collect()));
        let (map, clashes) = Keymap::rebound(&wanted.collect());
        (map, clashes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_defaults_clash_nowhere_and_every_function_has_a_key_without_ctrl() {
        let map = Keymap::default();
        assert_eq!(map.clash(), None);
        for (entry, keys) in map.rows() {
            assert!(keys.iter().any(|chord| !chord.ctrl && !chord.alt), "{} has none", entry.name);
            let eaten = keys.iter().any(|k| k.ctrl && "abgopqstc".chars().any(|c| k.key == chord::Key::Char(c)));
            assert!(!eaten, "a multiplexer or the terminal eats {}", entry.name);
            assert!(!entry.about.is_empty() && !entry.about.ends_with('.'));
        }
    }

    #[test]
    fn names_are_unique_within_a_context() {
        for (index, entry) in ACTIONS.iter().enumerate() {
            let same =
                ACTIONS[index + 1..].iter().find(|other| other.context == entry.context && other.name == entry.name);
            assert!(same.is_none(), "{}", entry.name);
        }
    }

    #[test]
    fn the_panes_own_meaning_comes_first() {
        let map = Keymap::default();
        assert_eq!(map.action(&[Context::Logs, Context::Global], chord("e")), Some(Action::NextError));
        assert_eq!(map.action(&[Context::Approval], chord("e")), Some(Action::Edit));
        assert_eq!(map.action(&[Context::Approval], chord("n")), Some(Action::No));
        assert_eq!(map.action(&[Context::List, Context::Global], chord("n")), Some(Action::FindNext));
        assert_eq!(map.action(&[Context::List, Context::Global], chord("e")), None);
    }

    #[test]
    fn a_clash_names_both_actions_and_leaves_the_rest() {
        let (map, said) = rebind(&[(Context::Global, "zoom", &["q"]), (Context::Global, "quit", &["Q"])]);
        assert_eq!(said, Vec::<String>::new(), "the key has been freed");
        assert_eq!(map.action(&[Context::Global], chord("q")), Some(Action::Zoom));

        let (map, said) = rebind(&[(Context::Logs, "wrap", &["x"]), (Context::Global, "help", &["H"])]);
        assert_eq!(said, ["`x` would mean both `wrap` and `stop`"]);
        assert_eq!(map.action(&[Context::Logs, Context::Global], chord("x")), Some(Action::Stop));
        assert_eq!(map.action(&[Context::Logs, Context::Global], chord("w")), Some(Action::Wrap));
        assert_eq!(map.action(&[Context::Global], chord("H")), Some(Action::Help));
    }
}
