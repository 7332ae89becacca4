//! The golden bytes, replayed into the core. No Go is needed.

use std::fs;

use interop::golden::{self, replay::replay, script, transcript::Transcript};

fn transcripts() -> Vec<(String, Transcript)> {
    let read = |stem: String| {
        let text = fs::read_to_string(golden::dir().join(format!("{stem}.hex")))
            .unwrap_or_else(|error| panic!("{stem}: {error}"));
        let transcript =
            Transcript::parse(&text).unwrap_or_else(|error| panic!("{stem}: {error:#}"));
        assert_eq!(transcript.to_text(), text, "{stem} is not in the form that is written");
        (stem, transcript)
    };
    script::all().iter().map(|script| read(script.file_stem())).collect()
}

fn replay_all(piece: usize) {
    for (stem, transcript) in transcripts() {
        if let Err(error) = replay(&transcript, piece) {
            panic!("{stem}: {error:#}");
        }
    }
}

#[test]
fn the_core_plays_its_part_of_every_recording() {
    replay_all(usize::MAX);
}

#[test]
fn the_core_understands_recordings_in_pieces() {
    for piece in [1, 5, 12, 13] {
        replay_all(piece);
    }
}

#[test]
fn a_recording_with_a_wrong_byte_is_noticed() {
    let (stem, mut transcript) = transcripts().swap_remove(0);
    let frame = transcript.frames.iter_mut().find(|frame| !frame.body.is_empty());
    frame.unwrap_or_else(|| panic!("{stem} has Data")).header.stream = 99;
    assert!(replay(&transcript, usize::MAX).is_err(), "{stem}");
}

#[test]
fn every_recording_belongs_to_a_script() {
    let mut known: Vec<String> =
        script::all().iter().map(|script| format!("{}.hex", script.file_stem())).collect();
    let entries = fs::read_dir(golden::dir()).expect("the directory is committed");
    let mut found: Vec<String> = entries
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".hex"))
        .collect();
    known.sort();
    found.sort();
    assert_eq!(found, known);
}
