//! Memory stays small: whatever the size of an upload, and when nothing happens.

use std::time::{Duration, Instant};

use crate::garage::Garage;
use crate::server::{Server, Setting};

const GIB: usize = 1 << 30;
/// In a development build the pages of the program itself are not counted: they are twice as many there, and grow with it.
const PEAK_MIB: u64 = if cfg!(debug_assertions) { 85 } else { 100 };
const PIECE: usize = 1 << 20;

/// A gibibyte that exists nowhere as a whole.
fn gibibyte() -> reqwest::Body {
    let pieces = (0..GIB / PIECE).map(|i| Ok::<_, std::io::Error>(vec![(i % 251) as u8; PIECE]));
    reqwest::Body::wrap_stream(futures::stream::iter(pieces))
}

async fn a_gibibyte_goes_through(server: Server) {
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract")];
    let document = li.send(li.upload_request(&query, Vec::new()).body(gibibyte())).await.ok();
    assert_eq!(document["size_bytes"], GIB);
    let (peak, program) = (server.memory_mib("VmHWM"), server.memory_mib("RssFile"));
    println!("a gibibyte went up; the server's peak was {peak} MiB, {program} of it the program");
    let peak = if cfg!(debug_assertions) { peak - program } else { peak };
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
    assert!(server.memory_mib("VmRSS") < 60, "{} MiB when fresh", server.memory_mib("VmRSS"));
    let li = server.desk("li").await;
    let dossier = li.dossier("欧阳修远").await;
    let case = li.case(&dossier, 2).await;
    li.basket(&dossier, &case, 2).await;
    li.find("trust_contract", 1).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while server.memory_mib("VmRSS") >= 60 {
        assert!(Instant::now() < deadline, "{} MiB after work", server.memory_mib("VmRSS"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("idle after work: {} MiB", server.memory_mib("VmRSS"));
    server.stop();
}
