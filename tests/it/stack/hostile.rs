//! Broken and hostile input: always an answer.

use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use lantai::reading::blank::ink;
use lantai::reading::codes::{CodeLimits, codes};
use lantai::reading::stack::cover::luma;
use lantai::reading::stack::split::{Media, Order, SplitLimits, split_all};

use super::build::tiff;
use super::samples;

/// Numbers that look random and are the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}

fn mutated(content: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = content.to_vec();
    match dice.next(4) {
        0 => bytes.truncate(dice.next(content.len())),
        1 => {
            let (from, len) = (dice.next(content.len()), dice.next(400));
            bytes.drain(from..(from + len).min(content.len()));
        }
        _ => (0..1 + dice.next(30)).for_each(|_| bytes[dice.next(content.len())] ^= 1 << dice.next(8)),
    }
    bytes
}

#[test]
fn mutated_documents_get_an_answer() {
    if !super::ready() {
        return;
    }
    let (mut dice, mut whole, mut count) = (Dice(42), 0, 0);
    let inputs = [
        (std::fs::read(samples("scans/multipage.pdf")).unwrap(), Media::Pdf),
        (std::fs::read(samples("pdf/text_gbk_euc_h.pdf")).unwrap(), Media::Pdf),
        (std::fs::read(samples("pdf/text_chromium.pdf")).unwrap(), Media::Pdf),
        (std::fs::read(samples("pdf/scan_ccitt.pdf")).unwrap(), Media::Pdf),
        (std::fs::read(samples("pages/c09_wqy12_200_g4.tif")).unwrap(), Media::Tiff),
        (tiff(4), Media::Tiff),
    ];
    let limits = SplitLimits { output_bytes: 32 << 20, unpacked_bytes: 64 << 20, ..SplitLimits::default() };
    let mut slowest = Duration::ZERO;
    for (content, media) in &inputs {
        let pages = (1..=9).find(|count| {
            let parts = [vec![1]];
            split_all(&Order { content, media: *media, page_count: *count, parts: &parts }, &limits).is_ok()
        });
        let page_count = pages.unwrap();
        for _ in 0..50 {
            let content = mutated(content, &mut dice);
            let parts: Vec<_> = (1..=page_count).map(|page| vec![page]).collect();
            let start = Instant::now();
            let answer =
                split_all(&Order { content: &content, media: *media, page_count, parts: &parts }, &limits);
            slowest = slowest.max(start.elapsed());
            whole += usize::from(answer.is_ok_and(|split| split.len() == parts.len()));
            count += 1;
        }
    }
    println!("{whole} of {count} mutations could be split, the slowest took {slowest:?}");
    assert!(slowest < Duration::from_secs(20));
}

/// Pictures that give decoders much to do.
fn traps() -> Vec<(&'static str, GrayImage)> {
    let mut dice = Dice(7);
    let noise: Vec<u8> = (0..1653 * 2339).map(|_| if dice.next(2) == 0 { 0 } else { 255 }).collect();
    let page = |of: &dyn Fn(u32, u32) -> bool| {
        GrayImage::from_fn(1653, 2339, |x, y| Luma([if of(x, y) { 0 } else { 255 }]))
    };
    let finder = |x: u32, y: u32| {
        let (x, y) = ((x / 2) % 9, (y / 2) % 9);
        let ring = x.min(y).min(6_u32.wrapping_sub(x).min(6_u32.wrapping_sub(y)));
        x < 7 && y < 7 && ring != 1
    };
    let code = luma("x", 2).unwrap();
    let mut codes = page(&|_, _| false);
    for (x, y) in (0..28).flat_map(|x| (0..40).map(move |y| (x, y))) {
        image::imageops::overlay(&mut codes, &code, x * 58, y * 58);
    }
    vec![
        ("noise", GrayImage::from_raw(1653, 2339, noise).unwrap()),
        ("finders", page(&finder)),
        ("bars", page(&|x, _| x % 4 < 2)),
        ("wide and narrow bars", page(&|x, _| (x * 7919) % 5 < 2)),
        ("chess", page(&|x, y| (x / 3 + y / 3) % 2 == 0)),
        ("pdf417 starts", page(&|x, _| [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13].contains(&((x / 2) % 17)))),
        ("many codes", codes),
        ("large", GrayImage::from_pixel(7000, 7000, Luma([255]))),
        ("small", GrayImage::from_pixel(1, 1, Luma([0]))),
        ("thin", GrayImage::from_pixel(50, 50_000, Luma([0]))),
        ("none", GrayImage::new(0, 0)),
    ]
}

#[test]
fn pictures_that_are_traps_get_an_answer() {
    for (name, picture) in traps() {
        let start = Instant::now();
        let found = codes(&picture, CodeLimits::default()).len();
        let for_codes = start.elapsed();
        let start = Instant::now();
        let ink = ink(&picture);
        println!("{name}: {found} codes in {for_codes:?}, {ink:?} in {:?}", start.elapsed());
        assert!(for_codes < Duration::from_secs(20), "{name}");
    }
}
