//! A `moto_server` on a free port: an S3 with versions and Object Lock, in memory.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use crate::server::{Setting, required};

/// moto tells services apart by the scope of a signature, and does not check the signature.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=moto/20260101/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0000";

pub(crate) struct Moto {
    child: Child,
    base: String,
}

impl Moto {
    /// `None`, with a printed line, if there is no moto and none is required.
    pub(crate) async fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(!required("moto"), "moto is required and not there");
            println!("skipped: there is no moto_server program");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moto = Self { child, base: format!("http://127.0.0.1:{port}") };
        let deadline = Instant::now() + Duration::from_secs(60);
        while reqwest::get(format!("{}/moto-api/", moto.base)).await.is_err() {
            assert!(Instant::now() < deadline, "moto does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(moto)
    }

    /// Makes a bucket, with Object Lock or as buckets are by default.
    pub(crate) async fn bucket(&self, name: &str, object_lock: bool) {
        let lock = [("x-amz-bucket-object-lock-enabled", if object_lock { "true" } else { "false" })];
        assert_eq!(self.call(Method::PUT, name, &lock).await.0, StatusCode::OK);
    }

    pub(crate) fn setting(&self, bucket: &str) -> Setting {
        let url = format!("s3://{bucket}/archive?endpoint={}&region=us-east-1", self.base);
        let setting = Setting::default().with("LANTAI_OBJECTS", &url);
        setting.with("LANTAI_S3_ACCESS_KEY", "moto").with("LANTAI_S3_SECRET_KEY", "moto")
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, String) {
        let request = reqwest::Client::new().request(method, format!("{}/{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.header("authorization", AUTHORIZATION).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// The versions below a prefix: key and version id; delete markers are left out.
    pub(crate) async fn versions(&self, bucket: &str, prefix: &str) -> Vec<(String, String)> {
        let (status, text) =
            self.call(Method::GET, &format!("{bucket}?versions&max-keys=1000&prefix={prefix}"), &[]).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let member = |text: &str, name: &str| {
            let rest = text.split(&format!("<{name}>")).nth(1).unwrap().to_owned();
            rest.split(&format!("</{name}>")).next().unwrap().to_owned()
        };
        let versions = text.split("<Version>").skip(1);
        versions.map(|version| (member(version, "Key"), member(version, "VersionId"))).collect()
    }

    pub(crate) async fn delete(&self, bucket: &str, key: &str, version: &str) -> (StatusCode, String) {
        self.call(Method::DELETE, &format!("{bucket}/{key}?versionId={version}"), &[]).await
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In PATH, or beside the interpreter that has the tests' packages.
fn program() -> Option<PathBuf> {
    let beside = std::env::var_os("LANTAI_PYTHON").map(PathBuf::from);
    let beside = beside.and_then(|python| python.parent().map(|folder| folder.to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join("moto_server")).find(|program| program.is_file())
}
