//! `munas data`.

use std::path::PathBuf;

use clap::Subcommand;
use munas_data::{Delimiter, Layout};
use munas_run::Metric;

use super::Format;
use super::experiment::{Overrides, path_text};

/// Datasets: list, inspect, download, pack
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What `munas data` does.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// The datasets that munas knows by name, and how to bring your own
    List(ListArgs),
    /// Load a dataset and describe it: shape, classes, sizes, fingerprint
    Info(InfoArgs),
    /// Write a dataset, read and split, into one file that any number of processes share in memory
    Pack(PackArgs),
    /// Download a dataset from its canonical address, with its checksum verified
    Fetch(FetchArgs),
}

/// Arguments of `munas data list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Folder to look in first [default: $MUNAS_DATA, then the user's cache]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}

/// Where samples come from and how they are read; shared by all commands that load data, so that what one of them is told to
/// try works in all of them.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct DataSource {
    /// Folder of the datasets' files [default: $MUNAS_DATA, then the user's cache]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Resize own images to HEIGHTxWIDTH, for example 48x48 [default: as they are if small and all alike]
    #[arg(long, value_name = "HxW", value_parser = image_size)]
    pub size: Option<(usize, usize)>,
    /// Read images in grey [default: if all of them are grey]
    #[arg(long)]
    pub grey: bool,
    /// Read images in colour, also where all of them are grey
    #[arg(long, visible_alias = "color", conflicts_with = "grey")]
    pub colour: bool,
    /// Channel of recordings with several: mix, left or right [default: mix]
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Leave unreadable files, rows and samples out instead of failing
    #[arg(long)]
    pub skip_bad: bool,
    /// What is between the columns of a table: , ; | tab space [default: found out]
    #[arg(long, value_name = "SIGN", allow_hyphen_values = true)]
    pub delimiter: Option<Delimiter>,
    /// What belongs together and stays in one part: a column or array (subject, speaker, session), in folders `level` or `name`; or
    /// none [default: found out]
    #[arg(long, value_name = "NAME")]
    pub groups: Option<String>,
    /// What counts as the error: error (share of wrong samples), balanced (each class counts alike) or macro-f1
    #[arg(long, value_name = "NAME")]
    pub metric: Option<Metric>,
    /// Axes of arrays: nhwc (or image), nchw, time-channels or channels-time [default: found out]
    #[arg(long, value_name = "LAYOUT")]
    pub layout: Option<Layout>,
    /// Arrays of samples and labels, then of test, or of validation and of test [default: x_train,y_train,… or the like]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    pub arrays: Vec<String>,
}

impl DataSource {
    pub(super) fn add_to(&self, overrides: &mut Overrides) {
        overrides
            .text("data.dir", path_text(self.data_dir.as_ref()).as_deref())
            .literal("data.size", self.size.map(|(height, width)| format!("[{height}, {width}]")))
            .flag("data.grey", self.grey)
            .literal("data.grey", self.colour.then_some(false))
            .text("data.audio.channel", self.channel.as_deref())
            .flag("data.skip_bad", self.skip_bad)
            .text("data.csv.delimiter", self.delimiter.map(|delimiter| delimiter.to_string()).as_deref())
            .text("data.groups", self.groups.as_deref())
            .text("search.metric", self.metric.map(Metric::name))
            .text("data.layout", self.layout.map(Layout::name))
            .literal(
                "data.arrays",
                (!self.arrays.is_empty()).then(|| serde_json::Value::from(self.arrays.as_slice())),
            );
    }
}

fn image_size(text: &str) -> Result<(usize, usize), String> {
    let dims: munas_app::architecture::InputDims =
        format!("{text}x1").parse().map_err(|_| "not of the form HEIGHTxWIDTH, such as 48x48".to_owned())?;
    Ok((dims.height, dims.width))
}

/// Arguments of `munas data info`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  munas data info mnist\n  munas data info images:photos --size 48x48")]
pub struct InfoArgs {
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub dataset: DatasetArgs,
}

/// A dataset, and how it is read and split.
#[derive(Debug, clap::Args)]
pub struct DatasetArgs {
    /// A dataset's name, or own data: images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR, packed:FILE
    #[arg(value_name = "SPEC")]
    pub source: String,
    /// Any key of an experiment file about data, for example data.validation=0.2
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub reading: DataSource,
}

impl DatasetArgs {
    /// The arguments as overrides of experiment keys; `--set` comes last and wins.
    pub fn overrides(&self) -> Vec<String> {
        let mut overrides = Overrides::default();
        overrides.text("data.source", Some(&self.source));
        self.reading.add_to(&mut overrides);
        overrides.given(&self.set).take()
    }
}

const PACK_HELP: &str = "\
Examples:
  munas data pack mnist -o mnist.pack
  munas data pack images:photos --size 48x48 -o photos.pack
  munas search --data packed:photos.pack

The file holds the samples as they are trained on, with their parts: what says how
they are read and split is said here, and what it was read from is not needed again.
It is mapped into memory: processes that train on it at the same time share one
copy. Write a new file rather than into one that is in use; this command does.";

/// Arguments of `munas data pack`.
#[derive(Debug, clap::Args)]
#[command(after_help = PACK_HELP)]
pub struct PackArgs {
    /// The file to write; one that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub dataset: DatasetArgs,
}

/// Arguments of `munas data fetch`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  munas data fetch mnist\n  munas data fetch mnist --from http://mirror.example/mnist"
)]
pub struct FetchArgs {
    /// The dataset's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Address of a mirror that holds the files under their usual names
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Folder to put the files in [default: $MUNAS_DATA, then the user's cache]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}
