//! Text whose UTF-8 was read as a code page of Windows: `ΓêÜ` and `âˆš` for `√`. Logs that were redirected to a file there look so.

use std::borrow::Cow;

/// The characters 128 to 255 of the code pages 437, 850 and 1252.
const PAGES: [&str; 3] = [
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
];

/// What tools print, and what is mended therefore.
const SYMBOLS: &str = "✓✔√×✕✖✗✘●○›❯⨯→•·│─━┃╭╰├└║⎯»…’‘“”❌✅⚠✨";

/// The text with these symbols again.
pub(super) fn mend(text: Cow<'_, str>) -> Cow<'_, str> {
    const LEADS: [char; 8] = ['Γ', '├', '∩', 'Ô', '´', 'â', 'Ã', 'ï'];
    if text.is_ascii() || !text.contains(LEADS) {
        return text;
    }
    let pages = PAGES.map(|page| page.chars().collect::<Vec<_>>());
    let mut mended = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find(LEADS) {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let (symbol, after) = symbol(rest, &pages).unwrap_or_else(|| {
            let mut chars = rest.chars();
            (chars.next(), chars.as_str())
        });
        mended.extend(symbol.filter(|c| *c != '\u{feff}'));
        rest = after;
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

/// The symbol that the text begins with, and the rest.
fn symbol<'a>(text: &'a str, pages: &[Vec<char>; 3]) -> Option<(Option<char>, &'a str)> {
    pages.iter().find_map(|page| {
        let mut bytes = Vec::with_capacity(3);
        for (at, c) in text.char_indices().take(3) {
            bytes.push(u8::try_from(page.iter().position(|p| *p == c)? + 128).ok()?);
            let symbol = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
            if symbol.is_some_and(|symbol| SYMBOLS.contains(symbol) || symbol == '\u{feff}') {
                return Some((symbol, &text[at + c.len_utf8()..]));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_mended_and_other_text_is_not() {
        for mangled in ["ΓêÜ ok ├ù no ΓùÅ a ΓÇ║ b", "ÔêÜ ok ├ù no ÔùÅ a ÔÇ║ b", "âˆš ok Ã— no â—\u{8f} a â€º b"]
        {
            assert_eq!(mend(mangled.into()), "√ ok × no ● a › b");
        }
        assert_eq!(mend("build\t´╗┐2025 x".into()), "build\t2025 x");
        for text in ["plain", "âne, Ôter, ├── a", "┌──┐", "Γ"] {
            assert_eq!(mend(text.into()), text);
        }
    }
}
