//! What a child says: frames, each a line of JSON and, for some, bytes after it.

use std::io::{self, Write};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use crate::reading::{Picture, Sign};

/// No frame's line is longer.
const MOST_LINE_BYTES: u64 = 1 << 10;

/// The line of a frame.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
enum Frame {
    /// A page comes next.
    Page { number: u32, of: u32 },
    /// What a page looks like: the image and the thumbnail follow.
    Picture { page: u32, width: u32, height: u32, image_bytes: u64, thumbnail_bytes: u64 },
    /// What was taken out of the document, which follows; the last frame.
    Part { bytes: u64 },
    /// The answer, which follows; the last frame.
    Answer { bytes: u64 },
}

/// The child's side.
pub(super) fn say_page(to: &mut impl Write, number: u32, of: u32) -> io::Result<()> {
    say(to, &Frame::Page { number, of }, &[])?;
    to.flush()
}

/// The child's side.
pub(super) fn say_picture(to: &mut impl Write, picture: &Picture) -> io::Result<()> {
    let Picture { page, width, height, image, thumbnail } = picture;
    let (image_bytes, thumbnail_bytes) = (image.len() as u64, thumbnail.len() as u64);
    let frame = Frame::Picture { page: *page, width: *width, height: *height, image_bytes, thumbnail_bytes };
    say(to, &frame, &[image, thumbnail])
}

/// The child's side: the last word of one that takes pages out.
pub(super) fn say_part(to: &mut impl Write, part: &[u8]) -> io::Result<()> {
    say(to, &Frame::Part { bytes: part.len() as u64 }, &[part])?;
    to.flush()
}

/// How many bytes of a part follow; none if there is no part.
pub(super) async fn hear_part(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<u64>> {
    let mut line = Vec::new();
    (&mut *from).take(MOST_LINE_BYTES).read_until(b'\n', &mut line).await?;
    Ok(match serde_json::from_slice(&line) {
        Ok(Frame::Part { bytes }) => Some(bytes),
        _ => None,
    })
}

/// The child's side: the last word.
pub(super) fn say_answer(to: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    let answer = serde_json::to_vec(answer)?;
    say(to, &Frame::Answer { bytes: answer.len() as u64 }, &[&answer])?;
    to.flush()
}

fn say(to: &mut impl Write, frame: &Frame, parts: &[&[u8]]) -> io::Result<()> {
    serde_json::to_writer(&mut *to, frame)?;
    to.write_all(b"\n")?;
    parts.iter().try_for_each(|part| to.write_all(part))
}

/// How much a child may say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) answer_bytes: u64,
    pub(super) pictures_bytes: u64,
}

/// What was heard.
pub(super) enum Heard {
    Sign(Sign),
    Answer(Vec<u8>),
}

/// The next frame; none if the child says nothing more, or nothing that an honest child says.
pub(super) async fn hear(
    from: &mut (impl AsyncBufRead + Unpin),
    most: &mut Most,
) -> io::Result<Option<Heard>> {
    let mut line = Vec::new();
    (&mut *from).take(MOST_LINE_BYTES).read_until(b'\n', &mut line).await?;
    Ok(match serde_json::from_slice(&line) {
        Ok(Frame::Page { number, of }) => Some(Heard::Sign(Sign::Page { number, of })),
        Ok(Frame::Picture { page, width, height, image_bytes, thumbnail_bytes }) => {
            let both = image_bytes.saturating_add(thumbnail_bytes);
            let Some(left) = most.pictures_bytes.checked_sub(both) else { return Ok(None) };
            most.pictures_bytes = left;
            let (image, thumbnail) = (part(from, image_bytes).await?, part(from, thumbnail_bytes).await?);
            let picture = image.zip(thumbnail);
            picture.map(|(image, thumbnail)| {
                Heard::Sign(Sign::Picture(Picture { page, width, height, image, thumbnail }))
            })
        }
        Ok(Frame::Answer { bytes }) if bytes <= most.answer_bytes => {
            part(from, bytes).await?.map(|answer| Heard::Answer(answer.into()))
        }
        _ => None,
    })
}

/// So many bytes; none if there are fewer. Memory grows with what comes, not with what was promised.
async fn part(from: &mut (impl AsyncBufRead + Unpin), bytes: u64) -> io::Result<Option<Bytes>> {
    let mut part = Vec::new();
    (&mut *from).take(bytes).read_to_end(&mut part).await?;
    Ok((part.len() as u64 == bytes).then(|| part.into()))
}

#[cfg(test)]
mod tests {
    use super::{Heard, Most, hear, say_answer, say_page, say_picture};
    use crate::reading::{Picture, Sign};

    const MOST: Most = Most { answer_bytes: 100, pictures_bytes: 10 };

    async fn heard(said: &[u8]) -> Vec<Heard> {
        let (mut from, mut most, mut all) = (said, MOST, Vec::new());
        while let Some(heard) = hear(&mut from, &mut most).await.unwrap() {
            all.push(heard);
        }
        all
    }

    fn picture(bytes: usize) -> Picture {
        Picture { page: 2, width: 3, height: 4, image: vec![b'\n'; bytes].into(), thumbnail: "12".into() }
    }

    #[tokio::test]
    async fn what_is_said_is_heard() {
        let mut said = Vec::new();
        say_page(&mut said, 2, 7).unwrap();
        say_picture(&mut said, &picture(8)).unwrap();
        say_answer(&mut said, &"done").unwrap();
        let all = heard(&said).await;
        assert!(matches!(&all[0], Heard::Sign(Sign::Page { number: 2, of: 7 })));
        assert!(matches!(&all[1], Heard::Sign(Sign::Picture(shown)) if *shown == picture(8)));
        assert!(matches!(&all[2], Heard::Answer(answer) if answer == b"\"done\""));
        assert_eq!(all.len(), 3);
    }

    #[tokio::test]
    async fn more_than_may_be_said_is_not_heard() {
        let mut pictures = Vec::new();
        say_picture(&mut pictures, &picture(4)).unwrap();
        say_picture(&mut pictures, &picture(4)).unwrap();
        assert_eq!(heard(&pictures).await.len(), 1);
        let mut answer = Vec::new();
        say_answer(&mut answer, &"x".repeat(99)).unwrap();
        for said in
            [&answer[..], b"", b"\n", b"{\"frame\":\"page\"}\n", b"{\"frame\":\"answer\",\"bytes\":9}\nshort"]
        {
            assert!(heard(said).await.is_empty());
        }
        assert!(heard(&[b'x'; 5000]).await.is_empty());
    }
}
