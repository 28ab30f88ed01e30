//! What a file is, found from its content and never from its name.
//!
//! The list is closed: an answer of this module is safe to send as a Content-Type, because nothing that a
//! browser would run (HTML, SVG, scripts) is ever called so. Those are plain text here.

use serde::{Deserialize, Serialize};

use super::plain;

/// How many bytes of a file are enough for [`media_type`].
pub const HEAD_BYTES: usize = 8 << 10;

/// A PDF's header may stand behind this much of something else (ISO 32000-1, implementation note 13).
const PDF_JUNK_BYTES: usize = 1024;

/// The media type of a file that begins with `head`; [`HEAD_BYTES`] or the whole file suffice.
pub fn media_type(head: &[u8]) -> MediaType {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if has_pdf_header(head) {
        return MediaType::Pdf;
    }
    infer::get(head)
        .and_then(|found| MediaType::ALL.into_iter().find(|known| known.as_str() == found.mime_type()))
        .filter(|known| *known != MediaType::Pdf)
        .or_else(|| plain::is_text(head).then_some(MediaType::Text))
        .unwrap_or(MediaType::Unknown)
}

fn has_pdf_header(head: &[u8]) -> bool {
    const MARK: &[u8] = b"%PDF-";
    let head = &head[..head.len().min(PDF_JUNK_BYTES + MARK.len() + 1)];
    head.windows(MARK.len() + 1).any(|bytes| bytes.starts_with(MARK) && bytes[MARK.len()].is_ascii_digit())
}

macro_rules! media_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// The kinds of files that Lantai tells apart (IANA media types).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum MediaType {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl MediaType {
            /// All of them.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// The IANA name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

media_types! {
    /// PDF (ISO 32000).
    Pdf = "application/pdf",
    /// JPEG.
    Jpeg = "image/jpeg",
    /// PNG.
    Png = "image/png",
    /// TIFF, with one page or several.
    Tiff = "image/tiff",
    /// WebP.
    Webp = "image/webp",
    /// HEIF or HEIC, as phones take pictures.
    Heif = "image/heif",
    /// AVIF.
    Avif = "image/avif",
    /// GIF.
    Gif = "image/gif",
    /// Windows bitmap.
    Bmp = "image/bmp",
    /// Word since 2007.
    Docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    /// Excel since 2007.
    Xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    /// PowerPoint since 2007.
    Pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    /// Office before 2007 (a compound file, whichever program wrote it).
    Doc = "application/msword",
    /// ZIP of anything else.
    Zip = "application/zip",
    /// Text in UTF-8, GB 18030 or marked UTF-16.
    Text = "text/plain",
    /// None of these.
    Unknown = "application/octet-stream",
}

impl MediaType {
    /// Whether there is a reader for it. What has none is archived like everything else.
    pub const fn is_readable(self) -> bool {
        matches!(self, Self::Pdf | Self::Jpeg | Self::Png | Self::Tiff | Self::Webp | Self::Text)
    }
}

impl std::fmt::Display for MediaType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{MediaType, media_type};

    #[test]
    fn content_decides() {
        let junk_pdf = [&[b'x'; 1000][..], b"%PDF-1.7\n"].concat();
        let far_pdf = [&[b'x'; 2000][..], b"%PDF-1.7\n"].concat();
        let gbk = encoding_rs::GB18030.encode("客户资料交接表\r\n合同编号").0.into_owned();
        let cases: [(&[u8], MediaType); 14] = [
            (b"%PDF-1.4\n", MediaType::Pdf),
            (&junk_pdf, MediaType::Pdf),
            (&far_pdf, MediaType::Text),
            ("a text about %PDF files".as_bytes(), MediaType::Text),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", MediaType::Jpeg),
            (b"\x89PNG\r\n\x1a\n", MediaType::Png),
            (b"II*\0\x08\0\0\0\x0E\0\xFE\0", MediaType::Tiff),
            (b"RIFF\x24\0\0\0WEBPVP8 ", MediaType::Webp),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", MediaType::Heif),
            (b"PK\x03\x04\x14\0\0\0\0\0", MediaType::Zip),
            (b"<html><script>alert(1)</script>", MediaType::Text),
            (&gbk, MediaType::Text),
            (b"\x7fELF\x02\x01\x01\0", MediaType::Unknown),
            (b"", MediaType::Unknown),
        ];
        for (bytes, expected) in cases {
            assert_eq!(media_type(bytes), expected, "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }

    #[test]
    fn a_cut_character_is_still_text() {
        let text = "汉".repeat(5000);
        assert_eq!(media_type(text.as_bytes()), MediaType::Text);
        assert_eq!(media_type(&text.as_bytes()[..super::HEAD_BYTES]), MediaType::Text);
        let gbk = encoding_rs::GBK.encode(&format!("x{text}")).0.into_owned();
        assert_eq!(media_type(&gbk), MediaType::Text);
    }
}
