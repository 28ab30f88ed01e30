//! The files that pages are dressed with. They are part of the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::domain::Sha256Digest;
use crate::http::Problem;

const STYLESHEET: &[u8] = include_bytes!("static/lantai.css");
const ICON: &[u8] = include_bytes!("static/lantai.svg");

/// The stylesheet's address. It changes with the content, so that browsers may keep what they have.
pub(super) static STYLESHEET_ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256Digest::of(STYLESHEET).to_string();
    format!("/static/lantai.css?v={}", digest.get(..12).unwrap_or_default())
});

/// `GET /static/{file}`
pub(super) async fn show(Path(file): Path<String>) -> Result<Response, Problem> {
    let (media_type, content) = match file.as_str() {
        "lantai.css" => ("text/css; charset=utf-8", STYLESHEET),
        "lantai.svg" => ("image/svg+xml", ICON),
        _ => return Err(Problem::new("not_found")),
    };
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=604800")];
    Ok((headers, content).into_response())
}
