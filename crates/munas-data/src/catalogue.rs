//! The named datasets: what they are, in which files they come, and where those are looked for.

use std::path::{Path, PathBuf};

use crate::axes::Layout;
use crate::directories::data_directories;
use crate::error::DataError;
use crate::fetch;
use crate::glyphs;
use crate::group_choice::GroupChoice;
use crate::raw_data::{DEFAULT_TEST_SHARE, RawData, TestPart};
use crate::readers::arrays::ArrayOptions;
use crate::readers::audio::AudioOptions;
use crate::readers::images::ImageOptions;
use crate::readers::npz::Selection;
use crate::readers::{cifar, coco, idx, images, npz, speech_commands};

/// A dataset that munas knows by name.
#[derive(Debug, PartialEq)]
pub struct NamedDataset {
    /// The name that is given as the source.
    pub name: &'static str,
    /// What is to be told apart.
    pub task: &'static str,
    /// Height, width and channels of a sample.
    pub input: [usize; 3],
    /// Names of the classes.
    pub class_names: &'static [&'static str],
    /// Whether there is a variant of two classes, `NAME-binary`.
    pub binary: bool,
    /// Where it may lie, best first.
    forms: &'static [Form],
    /// Stored magnitude that unit normalisation maps to 1, where it is not that of the type.
    full_scale: Option<f32>,
    /// Share of the samples that becomes the test part where the files have none.
    test_share: f64,
}

/// A form in which a dataset may be stored. Paths are relative to a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A folder of idx files.
    Idx(&'static str),
    /// A folder of CIFAR-10's binary files.
    Cifar(&'static str),
    /// An npz file.
    Npz(&'static str, Layout),
    /// A folder of images per class; samples are scaled to the dataset's input unless a size is asked for.
    Images(&'static str),
    /// A folder with COCO's annotations and images; scaled as others are.
    Coco(&'static str),
    /// The tree of Speech Commands.
    SpeechCommands(&'static str),
}

impl Form {
    fn path(self, data_dir: &Path) -> PathBuf {
        let (Self::Idx(path)
        | Self::Cifar(path)
        | Self::Npz(path, _)
        | Self::Images(path)
        | Self::Coco(path)
        | Self::SpeechCommands(path)) = self;
        data_dir.join(path)
    }

    fn is_at(self, path: &Path) -> bool {
        match self {
            Self::Npz(..) => path.is_file(),
            Self::Coco(_) => coco::is_at(path),
            Self::Idx(_) | Self::Cifar(_) | Self::Images(_) | Self::SpeechCommands(_) => path.is_dir(),
        }
    }
}

const DIGITS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const FASHION: &[&str] = &[
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];
const CIFAR10: &[&str] =
    &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
#[rustfmt::skip]
const CHARS74K: &[&str] = &[
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
    "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z",
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
    "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z",
];
const ACTIVITIES: &[&str] =
    &["walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying"];
#[rustfmt::skip]
const ARABIC_COMMANDS: &[&str] = &[
    "backward", "cancel", "close", "digit", "direction", "disable", "down", "eight", "enable", "enter",
    "five", "forward", "four", "left", "move", "next", "nine", "no", "ok", "one",
    "open", "options", "previous", "receive", "record", "right", "rotate", "send", "seven", "six",
    "start", "stop", "three", "two", "undo", "up", "yes", "zero", "zoom in", "zoom out",
];
const KEYWORDS: &[&str] =
    &["down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown"];

/// The words of the task, in front of the classes silence and unknown.
const WORDS: usize = 10;

/// What most datasets have in common.
const PLAIN: NamedDataset = NamedDataset {
    name: "",
    task: "",
    input: [0; 3],
    class_names: &[],
    binary: false,
    forms: &[],
    full_scale: None,
    test_share: DEFAULT_TEST_SHARE,
};

/// All named datasets but `glyphs`, which needs no files.
pub(crate) const NAMED: &[NamedDataset] = &[
    NamedDataset {
        name: "mnist",
        task: "handwritten digits",
        input: [28, 28, 1],
        class_names: DIGITS,
        binary: true,
        forms: &[Form::Idx("mnist")],
        ..PLAIN
    },
    NamedDataset {
        name: "fashion-mnist",
        task: "articles of clothing",
        input: [28, 28, 1],
        class_names: FASHION,
        forms: &[Form::Idx("fashion-mnist")],
        ..PLAIN
    },
    NamedDataset {
        name: "cifar10",
        task: "photographs of animals and vehicles",
        input: [32, 32, 3],
        class_names: CIFAR10,
        binary: true,
        forms: &[
            Form::Cifar("cifar10/cifar-10-batches-bin"),
            Form::Cifar("cifar-10-batches-bin"),
            Form::Cifar("cifar10"),
        ],
        ..PLAIN
    },
    NamedDataset {
        name: "chars74k",
        task: "characters in street scenes (grey when read from the npz)",
        input: [48, 48, 3],
        class_names: CHARS74K,
        binary: true,
        forms: &[
            Form::Images("chars74k/English/Img/GoodImg/Bmp"),
            Form::Images("English/Img/GoodImg/Bmp"),
            Form::Npz("chars74k.npz", Layout::Nhwc),
        ],
        // muNAS tests on 2,000 of the 7,705 images.
        test_share: 2_000.0 / 7_705.0,
        ..PLAIN
    },
    NamedDataset {
        name: "speech-commands",
        task: "ten spoken words, silence and other words, as MFCC",
        input: [49, 10, 1],
        class_names: KEYWORDS,
        forms: &[
            Form::SpeechCommands("speech_commands_v0.02"),
            Form::SpeechCommands("speech-commands"),
            Form::SpeechCommands("speech_commands"),
        ],
        ..PLAIN
    },
    NamedDataset {
        name: "vww",
        task: "photographs with and without a person",
        input: [96, 96, 3],
        class_names: &["no person", "person"],
        // COCO's own folder, also under the name of the dataset; otherwise a folder per class.
        forms: &[Form::Coco("vww"), Form::Coco("coco"), Form::Images("vww"), Form::Images("vw_coco2014_96")],
        ..PLAIN
    },
    NamedDataset {
        name: "uci-har",
        task: "human activities from a phone's accelerometer and gyroscope",
        input: [128, 1, 9],
        class_names: ACTIVITIES,
        forms: &[Form::Npz("uci-har.npz", Layout::TimeChannels)],
        ..PLAIN
    },
    NamedDataset {
        name: "optdigits",
        task: "handwritten digits, 8x8",
        input: [8, 8, 1],
        class_names: DIGITS,
        forms: &[Form::Npz("optdigits.npz", Layout::Nhwc)],
        // Its values count the set pixels of 4x4 blocks: 0 to 16.
        full_scale: Some(16.0),
        ..PLAIN
    },
    NamedDataset {
        name: "fsdd-mfcc",
        task: "spoken digits, as MFCC",
        input: [49, 10, 1],
        class_names: DIGITS,
        forms: &[Form::Npz("fsdd-mfcc.npz", Layout::Nhwc)],
        ..PLAIN
    },
    NamedDataset {
        name: "arabic-mfcc",
        task: "spoken Arabic commands, as MFCC",
        input: [49, 10, 1],
        class_names: ARABIC_COMMANDS,
        forms: &[Form::Npz("arabic-mfcc.npz", Layout::Nhwc)],
        ..PLAIN
    },
    NamedDataset {
        name: "kws-eval",
        task: "keywords of MLPerf Tiny, as MFCC (test part only)",
        input: [49, 10, 1],
        class_names: KEYWORDS,
        forms: &[Form::Npz("kws-eval.npz", Layout::Nhwc)],
        ..PLAIN
    },
    NamedDataset {
        name: "ic-eval",
        task: "the 200 CIFAR-10 images of MLPerf Tiny (test part only)",
        input: [32, 32, 3],
        class_names: CIFAR10,
        forms: &[Form::Npz("ic-eval.npz", Layout::Nhwc)],
        ..PLAIN
    },
];

impl NamedDataset {
    /// The first of its forms that is there, with its path; in the order of the folders.
    fn locate(&self, data_dirs: &[PathBuf]) -> Option<(Form, PathBuf)> {
        data_dirs
            .iter()
            .flat_map(|data_dir| self.forms.iter().map(|form| (*form, form.path(data_dir))))
            .find(|(form, path)| form.is_at(path))
    }

    fn candidates(&self, data_dirs: &[PathBuf]) -> Vec<PathBuf> {
        data_dirs.iter().flat_map(|data_dir| self.forms.iter().map(|form| form.path(data_dir))).collect()
    }

    /// Reads it from the first place that has it.
    pub(crate) fn read(
        &self,
        data_dirs: &[PathBuf],
        images: &ImageOptions,
        audio: AudioOptions<'_>,
        groups: &GroupChoice,
    ) -> Result<RawData, DataError> {
        let Some((form, path)) = self.locate(data_dirs) else {
            return Err(DataError::NotFound {
                name: self.name.to_owned(),
                looked_for: self.candidates(data_dirs),
                fetchable: fetch::is_fetchable(self.name),
            });
        };
        let [height, width, _] = self.input;
        // Published samples have their size and colour, whatever the files are like.
        let scaled = ImageOptions {
            size: images.size.or(Some((height, width))),
            grey: images.grey.or(Some(false)),
            ..*images
        };
        // Their labels are the numbers of the classes that the catalogue names.
        let arrays =
            |layout| ArrayOptions { layout, compact_labels: false, skip_bad: false, budget: images.budget };
        let data = match form {
            Form::Idx(_) => idx::read_folder(&path, self.name, arrays(Layout::Nhwc))?,
            Form::Cifar(_) => cifar::read_folder(&path, self.name, self.class_names)?,
            Form::Npz(_, layout) => {
                npz::read(&path, self.name, arrays(layout), Selection { arrays: None, groups })?
            }
            Form::Images(_) => images::read_folder(&path, self.name, &scaled, &GroupChoice::LevelShare)?,
            Form::Coco(_) => coco::read(&path, self.name, &scaled)?,
            Form::SpeechCommands(_) => {
                speech_commands::read(&path, self.name, &self.class_names[..WORDS], audio, groups)?
            }
        };
        self.describe(data, form, &path)
    }

    /// Puts the catalogue's names and figures on what was read.
    fn describe(&self, mut data: RawData, form: Form, path: &Path) -> Result<RawData, DataError> {
        let (found, known) = (data.class_names.len(), self.class_names.len());
        // Where folders are the classes, a missing one would shift the labels of those after it.
        if found > known || (found < known && matches!(form, Form::Images(_))) {
            return Err(DataError::malformed(path, format!("{found} classes; {} has {known}", self.name)));
        }
        data.class_names = self.class_names.iter().map(|&name| name.to_owned()).collect();
        data.facts.retain(|fact| fact.about == "groups");
        data.full_scale = self.full_scale.unwrap_or(data.full_scale);
        if let TestPart::Draw { share } = &mut data.parts.test {
            *share = self.test_share;
        }
        Ok(data)
    }
}

/// A line of `munas data list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Name to be given as the source.
    pub name: String,
    /// What is to be told apart.
    pub task: String,
    /// Number of classes, in the variant with all of them.
    pub classes: usize,
    /// Height, width and channels of a sample.
    pub input: [usize; 3],
    /// Whether there is a variant of two classes, `NAME-binary`.
    pub binary: bool,
    /// Where it was found; for a generated dataset, nowhere.
    pub found: Option<PathBuf>,
    /// Where it is looked for, in order; empty for a generated dataset.
    pub looked_for: Vec<PathBuf>,
    /// Whether it is drawn from code and needs no files.
    pub generated: bool,
    /// Whether [`fetch`] can download it.
    pub fetchable: bool,
}

/// Everything that can be loaded by name, with where it lies.
pub fn catalogue(data_dir: Option<&Path>) -> Vec<CatalogueEntry> {
    let data_dirs = data_directories(data_dir);
    let glyphs = [glyphs::DEFAULT_SIZE, 28].map(|size| CatalogueEntry {
        name: glyphs::name(size),
        task: "digits drawn from code, distorted and noisy".to_owned(),
        classes: DIGITS.len(),
        input: [size, size, 1],
        binary: false,
        found: None,
        looked_for: Vec::new(),
        generated: true,
        fetchable: false,
    });
    let named = NAMED.iter().map(|dataset| CatalogueEntry {
        name: dataset.name.to_owned(),
        task: dataset.task.to_owned(),
        classes: dataset.class_names.len(),
        input: dataset.input,
        binary: dataset.binary,
        found: dataset.locate(&data_dirs).map(|(_, path)| path),
        looked_for: dataset.candidates(&data_dirs),
        generated: false,
        fetchable: fetch::is_fetchable(dataset.name),
    });
    glyphs.into_iter().chain(named).collect()
}
