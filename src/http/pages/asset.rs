//! The files that pages are dressed with. They are part of the program.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::domain::Sha256Digest;
use crate::http::Problem;

const STYLESHEET: &[u8] = include_bytes!("static/lantai.css");
const DIAGRAM: &[u8] = include_bytes!("../../workflow/diagram/diagram.css");
const ICON: &[u8] = include_bytes!("static/lantai.svg");
const SUGGEST: &[u8] = include_bytes!("static/suggest.js");
const PASSKEY: &[u8] = include_bytes!("static/passkey.js");
const PROGRESS: &[u8] = include_bytes!("static/progress.js");
const UPLOAD: &[u8] = include_bytes!("static/upload.js");
const SEARCH: &[u8] = include_bytes!("static/search.js");
const INBOX: &[u8] = include_bytes!("static/inbox.js");

/// The stylesheet's address.
pub(super) static STYLESHEET_ADDRESS: LazyLock<String> = LazyLock::new(|| address("lantai.css", STYLESHEET));
/// The address of the stylesheet of diagrams.
pub(super) static DIAGRAM_ADDRESS: LazyLock<String> = LazyLock::new(|| address("diagram.css", DIAGRAM));
/// The address of the script that says how far documents are.
pub(super) static PROGRESS_ADDRESS: LazyLock<String> = LazyLock::new(|| address("progress.js", PROGRESS));

/// The address of the script that takes documents in one by one.
pub(super) static UPLOAD_ADDRESS: LazyLock<String> = LazyLock::new(|| address("upload.js", UPLOAD));
/// The address of the script that searches while somebody types.
pub(super) static SEARCH_ADDRESS: LazyLock<String> = LazyLock::new(|| address("search.js", SEARCH));
/// The address of the script that asks for passkeys.
pub(super) static PASSKEY_ADDRESS: LazyLock<String> = LazyLock::new(|| address("passkey.js", PASSKEY));
/// The address of the script that tells what comes into the inbox.
pub(super) static INBOX_ADDRESS: LazyLock<String> = LazyLock::new(|| address("inbox.js", INBOX));

/// The address of the script that suggests names.
pub(super) static SUGGEST_ADDRESS: LazyLock<String> = LazyLock::new(|| address("suggest.js", SUGGEST));

/// The files of the reviewer's desk.
const DESK: &[(&str, &str, &[u8])] = &[
    ("desk.css", CSS, include_bytes!("static/desk.css")),
    ("desk.js", SCRIPT, include_bytes!("static/desk.js")),
    ("region.js", SCRIPT, include_bytes!("static/region.js")),
    ("undo.js", SCRIPT, include_bytes!("static/undo.js")),
];
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static DESK_ADDRESSES: LazyLock<HashMap<&'static str, String>> =
    LazyLock::new(|| DESK.iter().map(|(file, _, content)| (*file, address(file, content))).collect());

/// The address of a file of the reviewer's desk.
pub(super) fn of_desk(file: &str) -> &'static str {
    DESK_ADDRESSES.get(file).map(String::as_str).unwrap_or_default()
}

/// The address of a file. It changes with the content, so that browsers may keep what they have.
fn address(file: &str, content: &[u8]) -> String {
    let digest = Sha256Digest::of(content).to_string();
    format!("/static/{file}?v={}", digest.get(..12).unwrap_or_default())
}

/// `GET /static/{file}`
pub(super) async fn show(Path(file): Path<String>) -> Result<Response, Problem> {
    let (media_type, content) = match file.as_str() {
        "lantai.css" => ("text/css; charset=utf-8", STYLESHEET),
        "diagram.css" => ("text/css; charset=utf-8", DIAGRAM),
        "passkey.js" => ("text/javascript; charset=utf-8", PASSKEY),
        "inbox.js" => ("text/javascript; charset=utf-8", INBOX),
        "progress.js" => ("text/javascript; charset=utf-8", PROGRESS),
        "upload.js" => ("text/javascript; charset=utf-8", UPLOAD),
        "search.js" => ("text/javascript; charset=utf-8", SEARCH),
        "suggest.js" => ("text/javascript; charset=utf-8", SUGGEST),
        "lantai.svg" => ("image/svg+xml", ICON),
        other => {
            let found = DESK.iter().find(|(name, ..)| *name == other);
            let (_, media_type, content) = found.ok_or_else(|| Problem::new("not_found"))?;
            (*media_type, *content)
        }
    };
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=604800")];
    Ok((headers, content).into_response())
}
