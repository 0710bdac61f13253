//! Cuts a growing text into blocks, line by line: at blank lines, before and after headings, around blocks of code. What belongs to
//! a list by its indentation stays with it. A cut depends on the text before it alone, never on how that came in.

/// A block that grows beyond this is cut where a line ends, or between two words, so that drawing its end stays cheap.
const LONGEST: usize = 16 << 10;

/// A part of the text that will not change any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A block of any kind but code.
    Block {
        /// Its text.
        text: String,
        /// It is the rest of the block before.
        goes_on: bool,
    },
    /// Lines of code follow.
    CodeBegins {
        /// As it stands behind the fence.
        language: String,
    },
    /// A line of code, without its end.
    CodeLine(String),
    /// The code ends.
    CodeEnds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fence {
    mark: char,
    count: usize,
    /// Columns before it: so many are taken off each line of code.
    indent: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    /// Between two blocks.
    #[default]
    Nothing,
    Block {
        list: bool,
        /// The last line was blank.
        blank: bool,
        /// Code within a list.
        fence: Option<Fence>,
    },
    Code(Fence),
}

/// See [`self`].
#[derive(Debug, Default)]
pub(super) struct Splitter {
    text: String,
    /// Where the open block begins.
    from: usize,
    /// So much of it are whole lines that have been looked at.
    seen: usize,
    open: Open,
    /// The open block is the rest of one that was cut.
    goes_on: bool,
}

impl Splitter {
    pub(super) fn push(&mut self, piece: &str) {
        // What was cut off goes now and then, not each time.
        if self.from > LONGEST {
            self.text.drain(..self.from);
            self.from = 0;
        }
        self.text.push_str(piece);
    }

    fn rest(&self) -> &str {
        &self.text[self.from..]
    }

    /// What is not cut off yet.
    pub(super) fn open(&self) -> &str {
        match self.open {
            Open::Code(fence) => unindented(self.rest(), fence.indent),
            _ => self.rest(),
        }
    }

    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The next part that is whole.
    pub(super) fn next(&mut self) -> Option<Cut> {
        loop {
            let rest = &self.text[self.from + self.seen..];
            let Some(line) = rest.split_once('\n').map(|(line, _)| line.to_owned()) else { return self.too_long() };
            match self.line(&line) {
                Step::Cut(cut) => return Some(cut),
                Step::Again => {}
            }
        }
    }

    /// The next part, when nothing more comes.
    pub(super) fn finish(&mut self) -> Option<Cut> {
        if !self.rest().is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        if let Some(cut) = self.next() {
            return Some(cut);
        }
        match std::mem::take(&mut self.open) {
            Open::Block { .. } => Some(self.cut(self.rest().len())),
            Open::Code(_) => Some(Cut::CodeEnds),
            Open::Nothing => None,
        }
    }

    /// A line that has grown beyond what one block may have, before its end has come.
    fn too_long(&mut self) -> Option<Cut> {
        if self.rest().len() <= LONGEST || matches!(self.open, Open::Code(_)) {
            return None;
        }
        if self.seen > 0 {
            return Some(self.cut_rest(self.seen));
        }
        Some(self.cut_rest(between_words(self.rest())))
    }

    /// Looks at the next whole line.
    fn line(&mut self, line: &str) -> Step {
        let end = self.seen + line.len() + 1;
        match self.open {
            Open::Code(fence) => {
                self.from += end;
                if closes(fence, line) {
                    self.open = Open::Nothing;
                    return Step::Cut(Cut::CodeEnds);
                }
                Step::Cut(Cut::CodeLine(unindented(line, fence.indent).to_owned()))
            }
            Open::Nothing if line.trim().is_empty() => {
                self.from += end;
                Step::Again
            }
            Open::Nothing => {
                if let Some((fence, language)) = fence(line).filter(|(fence, _)| fence.indent < 4) {
                    self.from += end;
                    self.open = Open::Code(fence);
                    return Step::Cut(Cut::CodeBegins { language });
                }
                if line.len() > LONGEST {
                    return Step::Cut(self.cut_rest(between_words(self.rest())));
                }
                self.seen = end;
                if is_heading(line) {
                    return Step::Cut(self.cut(end));
                }
                let list = is_item(line);
                self.open = Open::Block { list, blank: false, fence: None };
                Step::Again
            }
            Open::Block { list, blank, fence: nested } => {
                if line.trim().is_empty() {
                    self.seen = end;
                    self.open = Open::Block { list, blank: nested.is_none(), fence: nested };
                    return Step::Again;
                }
                let indented = line.starts_with([' ', '\t']);
                let begins = !indented && nested.is_none() && (fence(line).is_some() || is_heading(line));
                if (blank && !(list && indented)) || begins {
                    return Step::Cut(self.cut(self.seen));
                }
                if end > LONGEST {
                    return Step::Cut(self.cut_rest(if self.seen > 0 {
                        self.seen
                    } else {
                        between_words(self.rest())
                    }));
                }
                self.seen = end;
                let nested = match nested {
                    Some(open) if closes(open, line.trim_start()) => None,
                    Some(open) => Some(open),
                    None => fence(line.trim_start()).filter(|_| list).map(|(fence, _)| fence),
                };
                self.open = Open::Block { list, blank: false, fence: nested };
                Step::Again
            }
        }
    }

    /// Cuts the open block off.
    fn cut(&mut self, at: usize) -> Cut {
        let text = self.rest()[..at].to_owned();
        self.from += at;
        self.seen = 0;
        self.open = Open::Nothing;
        Cut::Block { text, goes_on: std::mem::take(&mut self.goes_on) }
    }

    /// Cuts the beginning of the open block off; the rest belongs to it.
    fn cut_rest(&mut self, at: usize) -> Cut {
        let stood_apart = matches!(self.open, Open::Block { blank: true, .. });
        let cut = self.cut(at);
        self.goes_on = !stood_apart;
        cut
    }
}

enum Step {
    Cut(Cut),
    Again,
}

/// Where to cut a line that is too long: behind a word.
fn between_words(text: &str) -> usize {
    let most = (0..=LONGEST.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text[..most].rfind(' ').map_or(most, |at| at + 1)
}

fn unindented(line: &str, indent: usize) -> &str {
    let blanks = line.bytes().take(indent).take_while(|byte| *byte == b' ').count();
    &line[blanks..]
}

/// The fence that this line is, and what stands behind it.
fn fence(line: &str) -> Option<(Fence, String)> {
    let rest = line.trim_start_matches(' ');
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let count = rest.chars().take_while(|c| *c == mark).count();
    let info = rest[count..].trim();
    (count >= 3 && !(mark == '`' && info.contains('`')))
        .then(|| (Fence { mark, count, indent: line.len() - rest.len() }, info.to_owned()))
}

fn closes(open: Fence, line: &str) -> bool {
    fence(line).is_some_and(|(fence, info)| {
        fence.mark == open.mark && fence.count >= open.count && fence.indent < 4 && info.is_empty()
    })
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - rest.len())) && (rest.is_empty() || rest.starts_with(' '))
}

fn is_item(line: &str) -> bool {
    let line = line.trim_start_matches(' ');
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = match line.as_bytes().get(digits) {
        Some(b'.' | b')') if (1..=9).contains(&digits) => &line[digits + 1..],
        Some(b'-' | b'*' | b'+') if digits == 0 => &line[1..],
        _ => return false,
    };
    rest.is_empty() || rest.starts_with([' ', '\t'])
}
