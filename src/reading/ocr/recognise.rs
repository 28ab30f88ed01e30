//! What a line says: PP-OCRv6's recogniser, one line at a time.

use image::RgbImage;
use rten::Model;
use rten_tensor::{AsView, NdTensor};

use super::{Error, Threads, tensor};

/// The height of the picture of a line.
pub(super) const LINE_HEIGHT: u32 = 48;
/// The widest picture of a line; longer lines are squeezed.
pub(super) const MOST_WIDTH: u32 = 3200;
/// Narrower pictures are filled up with grey.
const LEAST_WIDTH: u32 = 96;

/// The seam of recognition: the picture of one line becomes text.
pub trait Recognise: Send + Sync {
    /// Reads the picture of one straight line, 48 pixels high.
    fn recognise(&self, line: &RgbImage) -> Result<Recognised, Error>;
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The text, maybe empty.
    pub text: String,
    /// From 0 to 1: how sure the recogniser is, on average over the characters.
    pub confidence: f32,
}

pub(super) struct LineRecogniser {
    model: Model,
    threads: Threads,
    characters: Vec<String>,
}

impl LineRecogniser {
    /// The model carries its characters in its metadata, one a line.
    pub(super) fn new(model: Model, threads: Threads) -> Result<Self, Error> {
        let characters: Vec<String> =
            model.metadata().get("character").unwrap_or_default().lines().map(str::to_owned).collect();
        if characters.is_empty() {
            return Err(Error::Model { name: "recogniser", message: "it has no characters".into() });
        }
        Ok(Self { model, threads, characters })
    }
}

/// The most likely characters (greedy CTC): class 0 is no character, the one after the last a space; what repeats is one.
fn decoded(characters: &[String], scores: &NdTensor<f32, 3>) -> Recognised {
    let (mut text, mut sum, mut count, mut before) = (String::new(), 0.0, 0.0, 0);
    for step in scores.slice(0).axis_iter(0) {
        let (class, score) = step
            .iter()
            .enumerate()
            .fold((0, f32::MIN), |best, (class, score)| if *score > best.1 { (class, *score) } else { best });
        if class != 0 && class != before {
            text.push_str(characters.get(class - 1).map_or(" ", String::as_str));
            (sum, count) = (sum + score, count + 1.0);
        }
        before = class;
    }
    let confidence = if count > 0.0 { sum / count } else { 0.0 };
    Recognised { text, confidence }
}

impl Recognise for LineRecogniser {
    fn recognise(&self, line: &RgbImage) -> Result<Recognised, Error> {
        let input = tensor(line, line.width().max(LEAST_WIDTH), [0.5; 3], [0.5; 3]);
        let output = self.model.run_one(input.view().into(), self.threads.options());
        let failed = |message: String| Error::Model { name: "recogniser", message };
        let scores: NdTensor<f32, 3> =
            output.map_err(|e| failed(e.to_string()))?.try_into().map_err(|e| failed(format!("{e}")))?;
        Ok(decoded(&self.characters, &scores))
    }
}

#[cfg(test)]
mod tests {
    use rten_tensor::NdTensor;

    use super::{Recognised, decoded};

    #[test]
    fn what_repeats_is_one_character_unless_nothing_stands_between() {
        let characters = ["a", "b"].map(str::to_owned);
        // Of each step the best of: nothing, a, b, space.
        let steps = [1, 1, 0, 1, 3, 2, 2, 0];
        let scores =
            steps.iter().flat_map(|best| (0..4).map(move |class| if class == *best { 0.75 } else { 0.05 }));
        let scores = NdTensor::from_data([1, steps.len(), 4], scores.collect::<Vec<f32>>());
        let expected = Recognised { text: "aa b".to_owned(), confidence: 0.75 };
        assert_eq!(decoded(&characters, &scores), expected);
        let nothing = NdTensor::from_data([1, 1, 4], vec![0.9, 0.0, 0.1, 0.0]);
        assert_eq!(decoded(&characters, &nothing), Recognised { text: String::new(), confidence: 0.0 });
    }
}
