//! A real Garage on free ports, single node, with one bucket and one key.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Setting, required};

pub(crate) struct Garage {
    _folder: TempDir,
    file: PathBuf,
    child: Child,
    pub(crate) port: u16,
    admin: u16,
    token: String,
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl Garage {
    /// `None`, with a printed line, if there is no garage program and none is required.
    pub(crate) fn start() -> Option<Self> {
        if program().is_none() {
            assert!(!required("garage"), "garage is required and not there");
            println!("skipped: there is no garage program");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let [port, rpc, admin] = free_ports();
        let (key, secret, token) = (format!("GK{}", hexes(24)), hexes(64), hexes(32));
        let path = folder.path().display();
        let config = format!(
            "metadata_dir = \"{path}/meta\"\ndata_dir = \"{path}/data\"\ndb_engine = \"sqlite\"\nreplication_factor = 1\n\
             rpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\nrpc_secret = \"{}\"\n\
             [s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"127.0.0.1:{port}\"\n\
             [admin]\napi_bind_addr = \"127.0.0.1:{admin}\"\nadmin_token = \"{token}\"\n",
            hexes(64)
        );
        let file = folder.path().join("garage.toml");
        std::fs::write(&file, config).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let child = spawn(&file, &key, &secret);
        wait_for_bucket(admin, &token);
        Some(Self { _folder: folder, file, child, port, admin, token, key, secret })
    }

    /// It is gone, for a while: connections are refused.
    pub(crate) fn pause(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It is back, with all that it had.
    pub(crate) fn resume(&mut self) {
        self.child = spawn(&self.file, &self.key, &self.secret);
        wait_for_bucket(self.admin, &self.token);
    }

    /// Calls the admin interface.
    pub(crate) fn admin(&self, method: &str, call: &str, body: &Value) -> Value {
        let mut command = Command::new("curl");
        command.args(["-sf", "-X", method, "-H", &format!("Authorization: Bearer {}", self.token)]);
        if !body.is_null() {
            command.args(["-H", "content-type: application/json", "-d", &body.to_string()]);
        }
        let out = command.arg(format!("http://127.0.0.1:{}/v2/{call}", self.admin)).output().unwrap();
        assert!(out.status.success(), "{call}: {}", String::from_utf8_lossy(&out.stdout));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// The URL of a part of the bucket.
    pub(crate) fn url(&self, prefix: &str) -> String {
        format!("s3://scans/{prefix}?endpoint=http://127.0.0.1:{}&region=garage", self.port)
    }

    pub(crate) fn setting(&self, prefix: &str) -> Setting {
        Setting::default()
            .with("LANTAI_OBJECTS", &self.url(prefix))
            .with("LANTAI_S3_ACCESS_KEY", &self.key)
            .with("LANTAI_S3_SECRET_KEY", &self.secret)
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LANTAI_GARAGE") {
        return Some(named.into());
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(home);
    folders.map(|folder| folder.join("garage")).find(|program| program.is_file())
}

fn spawn(file: &Path, key: &str, secret: &str) -> Child {
    let mut command = Command::new(program().unwrap());
    command.args(["-c", file.to_str().unwrap(), "server", "--single-node", "--default-bucket"]);
    command.env("GARAGE_DEFAULT_ACCESS_KEY", key).env("GARAGE_DEFAULT_SECRET_KEY", secret);
    command.env("GARAGE_DEFAULT_BUCKET", "scans").env("RUST_LOG", "garage=warn");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    std::array::from_fn(|i| listeners[i].local_addr().unwrap().port())
}

fn hexes(count: usize) -> String {
    let bytes: [u8; 32] = lantai::clock::Clock::system().random_bytes();
    hex::encode(bytes)[..count].to_owned()
}

/// The port opens a moment before the bucket is there, so the admin interface is asked.
fn wait_for_bucket(admin: u16, token: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let out = Command::new("curl")
            .args(["-s", "-H", &format!("Authorization: Bearer {token}")])
            .arg(format!("http://127.0.0.1:{admin}/v2/GetBucketInfo?globalAlias=scans"))
            .output()
            .unwrap();
        if String::from_utf8_lossy(&out.stdout).contains("accessKeyId") {
            return;
        }
        assert!(Instant::now() < deadline, "garage does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}
