//! An object as a stream that goes on where it broke off, as long as the object is the same.

use std::io;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::failure::sdk_error;
use crate::objects::{Error, Object};

/// Where the bytes come from.
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) bucket: String,
    pub(super) key: String,
    /// How often the stream may break off.
    pub(super) tries: u32,
}

impl Source {
    /// The object from `offset` on.
    pub(super) async fn open(self, offset: u64) -> Result<Object, Error> {
        let got = self.get(offset, None).await?;
        let rest = u64::try_from(got.content_length().unwrap_or_default()).unwrap_or_default();
        let (tag, size_bytes) = (got.e_tag, offset + rest);
        let reading = Reading { source: self, tag, position: offset, end: size_bytes, body: got.body };
        Ok(Object { size_bytes, stream: Box::pin(futures::stream::try_unfold(reading, Reading::next)) })
    }

    async fn get(&self, offset: u64, tag: Option<String>) -> Result<GetObjectOutput, Error> {
        let get = self.client.get_object().bucket(&self.bucket).key(&self.key).set_if_match(tag);
        let get = if offset > 0 { get.range(format!("bytes={offset}-")) } else { get };
        get.send().await.map_err(sdk_error)
    }
}

struct Reading {
    source: Source,
    tag: Option<String>,
    position: u64,
    end: u64,
    body: ByteStream,
}

impl Reading {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while self.position < self.end {
            match self.body.next().await {
                Some(Ok(bytes)) => {
                    self.position += bytes.len() as u64;
                    return Ok(Some((bytes, self)));
                }
                broken => {
                    let broken = broken.and_then(Result::err).map(io::Error::other);
                    self.go_on(broken.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())).await?;
                }
            }
        }
        Ok(None)
    }

    async fn go_on(&mut self, broken: io::Error) -> io::Result<()> {
        self.source.tries = self.source.tries.checked_sub(1).filter(|left| *left > 0).ok_or(broken)?;
        let got = self.source.get(self.position, self.tag.clone()).await;
        self.body = got.map_err(io::Error::other)?.body;
        Ok(())
    }
}
