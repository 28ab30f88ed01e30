//! The reader of documents, as the settings say.

use std::path::Path;

use super::Error;
use super::folder::io_error;
use crate::config::Config;
use crate::reading::worker::Reader;
use crate::reading::{self, usual_font};

/// Reads documents one at a time, each in a child process.
pub(crate) fn reader(config: &Config) -> Result<Reader, Error> {
    let program = match &config.reading_program {
        Some(program) => program.clone(),
        None => std::env::current_exe().map_err(|source| io_error(Path::new("lantai"), source))?,
    };
    let reader = Reader::new(program, limits(config)).with_children(1);
    let font = config.reading_font.clone().or_else(usual_font);
    Ok(reader.with_models(config.ocr.models.clone()).with_font(font))
}

fn limits(config: &Config) -> reading::Limits {
    reading::Limits {
        file_bytes: config.limits.reading_bytes,
        pages: config.limits.pages,
        pixels: config.limits.pixels,
        seconds: config.limits.reading_seconds,
        memory_bytes: config.limits.reading_memory_bytes,
        ocr_threads: config.ocr.threads,
        ocr_page_seconds: config.ocr.page_seconds,
        ocr_seconds: config.ocr.document_seconds,
        picture_seconds: config.limits.picture_seconds,
        pictures_bytes: config.limits.pictures_bytes,
        ..reading::Limits::default()
    }
}
