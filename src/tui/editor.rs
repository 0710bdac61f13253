//! A text in the person's editor.

use std::{env, io};

use tokio::process::Command;

use crate::domain::patch::PatchText;

/// Lets the person change a patch; gives back what it is then.
pub async fn edit(patch: &PatchText) -> io::Result<String> {
    let file = tempfile::Builder::new().prefix("gonogo-").suffix(".diff").tempfile()?;
    std::fs::write(file.path(), &patch.0)?;
    let editor =
        ["VISUAL", "EDITOR"].into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    let editor = editor.unwrap_or_else(|| "vi".into());
    // An editor may come with arguments of its own, as git takes it.
    let status =
        Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file.path()).status().await?;
    if !status.success() {
        return Err(io::Error::other(format!("`{editor}` ended with {status}")));
    }
    std::fs::read_to_string(file.path())
}
