//! What the axes of an array of samples mean.

use std::fmt;
use std::str::FromStr;

/// What the axes of an array of samples mean. Two axes are samples × features in every layout but those of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Layout {
    /// Found out from the extents: see [`Layout::of`].
    #[default]
    Auto,
    /// Images: samples × height × width (× channels).
    Nhwc,
    /// Images as PyTorch has them: samples × channels × height × width.
    Nchw,
    /// Signals: samples × time (× channels). Time becomes the height, the width is 1.
    TimeChannels,
    /// Signals as PyTorch has them: samples × channels × time.
    ChannelsTime,
}

impl Layout {
    const ALL: [Self; 5] = [Self::Auto, Self::Nhwc, Self::Nchw, Self::TimeChannels, Self::ChannelsTime];

    /// The name used in experiment files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Nhwc => "nhwc",
            Self::Nchw => "nchw",
            Self::TimeChannels => "time-channels",
            Self::ChannelsTime => "channels-time",
        }
    }

    /// The likeliest layout of an array with these extents of a sample, none of them [`Layout::Auto`].
    ///
    /// | axes of a sample | taken for | if |
    /// |---|---|---|
    /// | one | features | |
    /// | a × b | a signal, time × channels | a ≥ 16, and b ≤ 9 and a ≥ 2 b, or b ≤ 16 and a ≥ 8 b |
    /// | a × b | a signal, channels × time | the same with a and b exchanged |
    /// | a × b | an image of one channel | else |
    /// | a × b × c | an image, channels first | a ≤ 4 < c, and neither of b and c is more than four times the other |
    /// | a × b × c | an image, channels last | else |
    pub fn of(sample: &[usize]) -> Self {
        let is_signal = |time: usize, channels: usize| {
            time >= 16
                && ((channels <= 9 && time >= 2 * channels) || (channels <= 16 && time >= 8 * channels))
        };
        match *sample {
            [first, second] if is_signal(first, second) => Self::TimeChannels,
            [first, second] if is_signal(second, first) => Self::ChannelsTime,
            [first, second, third]
                if first <= 4 && third > 4 && second.max(third) <= 4 * second.min(third) =>
            {
                Self::Nchw
            }
            _ => Self::Nhwc,
        }
    }

    /// How a sample with these extents is stored and read; `None` where it does not have the axes of this layout.
    pub fn arrange(self, sample: &[usize]) -> Option<Arrangement> {
        let layout = if self == Self::Auto { Self::of(sample) } else { self };
        let (input, channels_first) = match (layout, sample) {
            (Self::TimeChannels, &[time]) => ([time, 1, 1], false),
            (Self::TimeChannels, &[time, channels]) => ([time, 1, channels], false),
            (Self::ChannelsTime, &[channels, time]) => ([time, 1, channels], true),
            (Self::Nchw, &[channels, height, width]) => ([height, width, channels], true),
            (Self::Nhwc | Self::Nchw, &[features]) => ([1, 1, features], false),
            (Self::Nhwc, &[height, width]) => ([height, width, 1], false),
            (Self::Nhwc, &[height, width, channels]) => ([height, width, channels], false),
            _ => return None,
        };
        Some(Arrangement { layout, input, channels_first })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A text names no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown layout `{0}`; there are: auto, nhwc (or image), nchw, time-channels, channels-time")]
pub struct UnknownLayout(String);

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "image" {
            return Ok(Self::Nhwc);
        }
        Self::ALL
            .into_iter()
            .find(|layout| layout.name() == text)
            .ok_or_else(|| UnknownLayout(text.to_owned()))
    }
}

/// How the samples of an array are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrangement {
    /// Never [`Layout::Auto`].
    pub layout: Layout,
    /// Height, width and channels.
    pub input: [usize; 3],
    /// Whether the array has the channels first, so that samples must be turned.
    pub channels_first: bool,
}

impl Arrangement {
    /// What a sample is, in words: `128x1x9, a signal (time x channels)`.
    pub(crate) fn describe(&self) -> String {
        let [height, width, channels] = self.input;
        let kind = match (self.layout, self.input) {
            (Layout::TimeChannels, _) => "a signal (time x channels)",
            (Layout::ChannelsTime, _) => "a signal (channels x time)",
            (_, [1, 1, _]) => "features",
            (Layout::Nchw, _) => "an image (channels first)",
            _ => "an image",
        };
        format!("{height}x{width}x{channels}, {kind}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sample: &[usize], layout: Layout, input: [usize; 3]) {
        let found = Layout::Auto.arrange(sample).unwrap();
        assert_eq!((found.layout, found.input), (layout, input), "{sample:?}");
    }

    #[test]
    fn the_likeliest_layout_is_taken() {
        check(&[64], Layout::Nhwc, [1, 1, 64]);
        check(&[28, 28], Layout::Nhwc, [28, 28, 1]);
        check(&[8, 8], Layout::Nhwc, [8, 8, 1]);
        check(&[49, 10], Layout::Nhwc, [49, 10, 1]);
        check(&[98, 40], Layout::Nhwc, [98, 40, 1]);
        check(&[64, 6], Layout::TimeChannels, [64, 1, 6]);
        check(&[128, 9], Layout::TimeChannels, [128, 1, 9]);
        check(&[1000, 12], Layout::TimeChannels, [1000, 1, 12]);
        check(&[187, 1], Layout::TimeChannels, [187, 1, 1]);
        check(&[4, 2], Layout::Nhwc, [4, 2, 1]);
        check(&[6, 64], Layout::ChannelsTime, [64, 1, 6]);
        check(&[32, 32, 3], Layout::Nhwc, [32, 32, 3]);
        check(&[3, 32, 32], Layout::Nchw, [32, 32, 3]);
        check(&[1, 28, 28], Layout::Nchw, [28, 28, 1]);
        check(&[3, 96, 160], Layout::Nchw, [96, 160, 3]);
        check(&[1, 128, 9], Layout::Nhwc, [1, 128, 9]);
        check(&[128, 1, 9], Layout::Nhwc, [128, 1, 9]);
        check(&[4, 4, 3], Layout::Nhwc, [4, 4, 3]);
    }

    #[test]
    fn axes_must_be_those_of_the_layout() {
        assert_eq!(Layout::Nchw.arrange(&[28, 28]), None);
        assert_eq!(Layout::ChannelsTime.arrange(&[64]), None);
        assert_eq!(Layout::TimeChannels.arrange(&[8, 8, 3]), None);
        assert_eq!(Layout::Auto.arrange(&[2, 3, 4, 5]), None);
        assert_eq!(Layout::Auto.arrange(&[]), None);
        assert_eq!(Layout::TimeChannels.arrange(&[64]).unwrap().input, [64, 1, 1]);
        assert_eq!(Layout::Nhwc.arrange(&[64, 6]).unwrap().input, [64, 6, 1]);
    }

    #[test]
    fn names_survive_a_round_trip() {
        for layout in Layout::ALL {
            assert_eq!(layout.to_string().parse(), Ok(layout));
        }
        assert_eq!("image".parse(), Ok(Layout::Nhwc));
        assert!("NWC".parse::<Layout>().is_err());
    }
}
