//! What an S3 store's refusals mean for the caller.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::objects::{Error, ErrorKind};

pub(super) fn sdk_error<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let said = error.as_service_error();
    let code = said.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let message = said.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    Error::new(kind(code, message, status), error)
}

fn kind(code: &str, message: &str, status: Option<u16>) -> ErrorKind {
    match (code, status) {
        // Garage has no code of its own for these two.
        ("AccessDenied", _) if message.contains("quota") => ErrorKind::Full,
        ("InvalidRequest", _) if message.contains("Date is too old") => ErrorKind::ClockSkew,
        ("QuotaExceeded" | "InsufficientStorage" | "StorageFull" | "XMinioStorageFull", _)
        | (_, Some(507)) => ErrorKind::Full,
        ("RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture", _) => ErrorKind::ClockSkew,
        (
            "NoSuchBucket"
            | "InvalidBucketName"
            | "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, Some(301 | 307)) => ErrorKind::WrongBucket,
        (
            "AccessDenied"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "AllAccessDisabled",
            _,
        ) => ErrorKind::Denied,
        ("NoSuchKey" | "NotFound" | "NoSuchUpload", _) | (_, Some(404)) => ErrorKind::NotFound,
        (_, Some(401 | 403)) => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::kind;
    use crate::objects::ErrorKind;

    #[test]
    fn refusals_are_told_apart() {
        for (code, message, status, expected) in [
            ("AccessDenied", "Forbidden: Bucket size quota is reached", 403, ErrorKind::Full),
            ("AccessDenied", "Forbidden: no such key", 403, ErrorKind::Denied),
            ("", "", 403, ErrorKind::Denied),
            ("ExpiredToken", "", 400, ErrorKind::Denied),
            ("RequestTimeTooSkewed", "", 403, ErrorKind::ClockSkew),
            ("InvalidRequest", "Bad request: Date is too old", 400, ErrorKind::ClockSkew),
            ("NoSuchBucket", "", 404, ErrorKind::WrongBucket),
            ("AuthorizationHeaderMalformed", "", 400, ErrorKind::WrongBucket),
            ("NoSuchKey", "", 404, ErrorKind::NotFound),
            ("", "", 404, ErrorKind::NotFound),
            ("", "", 507, ErrorKind::Full),
            ("SlowDown", "", 503, ErrorKind::Unavailable),
            ("InternalError", "", 500, ErrorKind::Unavailable),
            ("InvalidRequest", "", 400, ErrorKind::Unavailable),
        ] {
            assert_eq!(kind(code, message, Some(status)), expected, "{code} {message} {status}");
        }
        assert_eq!(kind("", "", None), ErrorKind::Unavailable);
    }
}
