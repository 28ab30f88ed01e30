//! Memory stays small: whatever the size of an upload, and when nothing happens.

use std::time::{Duration, Instant};

use crate::garage::Garage;
use crate::server::{Server, Setting};

const GIB: usize = 1 << 30;
/// In a development build the pages of the program itself are not counted: they are twice as many there, and grow with it.
const PEAK_MIB: u64 = if cfg!(debug_assertions) { 85 } else { 100 };
/// The same for a server that has nothing to do.
const IDLE_MIB: u64 = if cfg!(debug_assertions) { 40 } else { 60 };
const PIECE: usize = 1 << 20;

/// A gibibyte that exists nowhere as a whole.
fn gibibyte() -> reqwest::Body {
    let pieces = (0..GIB / PIECE).map(|i| Ok::<_, std::io::Error>(vec![(i % 251) as u8; PIECE]));
    reqwest::Body::wrap_stream(futures::stream::iter(pieces))
}

/// Of this line of the kernel's count, what counts.
fn taken_mib(server: &Server, line: &str) -> u64 {
    let program = if cfg!(debug_assertions) { server.memory_mib("RssFile") } else { 0 };
    server.memory_mib(line).saturating_sub(program)
}

async fn a_gibibyte_goes_through(server: Server) {
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract")];
    let document = li.send(li.upload_request(&query, Vec::new()).body(gibibyte())).await.ok();
    assert_eq!(document["size_bytes"], GIB);
    let (peak, whole) = (taken_mib(&server, "VmHWM"), server.memory_mib("VmHWM"));
    println!("a gibibyte went up; the server's peak was {peak} MiB, {whole} with all that the kernel counts");
    assert!(peak < PEAK_MIB, "{peak} MiB at the peak");
}

#[tokio::test]
async fn a_gibibyte_into_a_folder_takes_less_than_100_mib() {
    a_gibibyte_goes_through(Server::new(Setting::default())).await;
}

#[tokio::test]
async fn a_gibibyte_into_garage_takes_less_than_100_mib() {
    let Some(garage) = Garage::start() else { return };
    a_gibibyte_goes_through(Server::new(garage.setting("large"))).await;
}

#[tokio::test]
async fn an_idle_server_takes_less_than_60_mib() {
    let mut server = Server::new(Setting::default());
    let resting = taken_mib(&server, "VmRSS");
    assert!(resting < IDLE_MIB, "{resting} MiB when fresh");
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 2).await;
    li.basket(&dossier, &case, 2).await;
    li.find("trust_contract", 1).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while taken_mib(&server, "VmRSS") >= IDLE_MIB {
        assert!(Instant::now() < deadline, "{} MiB after work", taken_mib(&server, "VmRSS"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("idle after work: {} MiB", taken_mib(&server, "VmRSS"));
    server.stop();
}
