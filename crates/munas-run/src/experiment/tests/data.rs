//! The section `data`: what old runs imply, and what its keys may say.

use super::*;

#[test]
fn runs_of_the_first_version_read_pictures_and_recordings_as_it_did() {
    // What the first version wrote of these sections.
    let old = "[data]\nsource = \"images:photos\"\nvalidation = 0.1\nnormalise = \"unit\"\ngrey = false\nskip_bad = false\n\
               [data.audio]\nband = [20.0, 4000.0]\n";
    let run = Experiment::from_run_file(old).unwrap().data;
    assert_eq!((run.fit, run.grey, run.orientation), (false, Some(false), false));
    assert_eq!((run.backdrop, run.deep, run.memory), (None, false, None));
    assert_eq!((run.audio.channel, run.audio.band), (munas_data::Channel::Mix, Some([20.0, 4000.0])));
    // A new experiment of the same text takes today's defaults for the keys that it lacks.
    let new = read(old).data;
    assert_eq!((new.fit, new.grey, new.orientation, new.deep), (true, Some(false), true, true));
    assert_eq!(new.backdrop, Some(Backdrop::White));
    let run = read("data.source = \"images:photos\"\n");
    assert_eq!((run.data.grey, run.data.audio.band), (None, None));
    assert_eq!(Experiment::from_run_file(&run.to_toml()).unwrap(), run);
}

#[test]
fn settings_of_data_say_what_they_may_be() {
    for (text, said) in [
        ("data.grey=\"yes\"", "`data.grey`: invalid value: string \"yes\", expected true, false or \"auto\""),
        ("data.bits=12", "`data.bits`: must be 8 or 16"),
        ("data.memory=0", "`data.memory`: must be at least 1 and below 2^63"),
        (
            "data.audio.channel=both",
            "`data.audio.channel`: unknown channel `both`; there are: mix, left, right",
        ),
        (
            "data.backdrop=green",
            "`data.backdrop`: unknown variant `green`, expected `white` or `black`, or `none`",
        ),
    ] {
        let error = Experiment::from_toml(&with_source(""), &[text.to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
    let given =
        Experiment::from_toml(&with_source(""), &["data.memory=2GiB".into(), "data.grey=auto".into()]);
    assert_eq!(given.unwrap().data.memory, Some(2 << 30));
}

#[test]
fn runs_of_the_first_version_read_tables_and_arrays_as_it_did() {
    let text = "[data]\nsource = \"npz:x.npz\"\n";
    let old = Experiment::from_run_file(text).unwrap().data;
    let new = Experiment::from_toml(text, &[]).unwrap().data;
    assert_eq!((old.layout, new.layout), (Layout::Nhwc, Layout::Auto));
    assert_eq!((old.compact_labels, new.compact_labels), (false, true));
    assert_eq!((old.every_class, new.every_class), (false, true));
    assert_eq!((old.groups, new.groups), (GroupChoice::LevelShare, GroupChoice::Auto));
    let by_number = Experiment::from_toml(text, &["data.groups=2".to_owned()]).unwrap().data;
    assert_eq!(by_number.groups, GroupChoice::By("2".to_owned()));
    assert_eq!(
        (old.csv.delimiter.map(|sign| sign.to_string()), new.csv.delimiter),
        (Some(",".to_owned()), None)
    );
    assert_eq!((old.csv.index, new.csv.index), (IndexColumn::Keep, IndexColumn::LeaveOut));
}
