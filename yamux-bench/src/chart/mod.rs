//! The charts of a record, as SVG files beside it.

mod bars;
mod curve;

use std::path::Path;

use anyhow::anyhow;
use plotters::style::RGBColor;

use crate::{contender::Name, measure::figure, record::Record};

/// One chart of bars: the workloads that it shows, a panel for each figure of each.
struct Subject {
    file: &'static str,
    title: &'static str,
    workloads: &'static [&'static str],
    figures: &'static [&'static str],
}

#[rustfmt::skip]
const SUBJECTS: &[Subject] = &[
    Subject {
        file: "bulk.svg", title: "Bulk: more is better",
        workloads: &["bulk-1", "bulk-16", "bulk-256"], figures: &[figure::BYTES_PER_SECOND],
    },
    Subject {
        file: "messages.svg", title: "Small messages: more is better",
        workloads: &["message-32", "message-128", "message-512", "message-4096"],
        figures: &[figure::PER_SECOND],
    },
    Subject {
        file: "ping-pong.svg", title: "Round trips: more is better",
        workloads: &["ping-pong-1", "ping-pong-100", "ping-pong-1000"],
        figures: &[figure::PER_SECOND],
    },
    Subject {
        file: "churn.svg", title: "Short-lived streams: more is better",
        workloads: &["churn-1", "churn-64"], figures: &[figure::PER_SECOND],
    },
    Subject {
        file: "latency.svg", title: "Latency beside a saturating stream: less is better",
        workloads: &["beside-bulk"], figures: &[figure::P50, figure::P99, figure::BYTES_PER_SECOND],
    },
    Subject {
        file: "uplink.svg", title: "Latency beside an upload: less is better",
        workloads: &["uplink"], figures: &[figure::P50, figure::P99],
    },
    Subject {
        file: "memory.svg", title: "Memory of an idle stream, both ends: less is better",
        workloads: &["open-100k"], figures: &[figure::RESIDENT],
    },
    Subject {
        file: "path.svg", title: "50 ms, 1 Gbit/s: more is better",
        workloads: &["path-1", "path-16", "path-tcp-1", "path-tcp-16"], figures: &[figure::BYTES_PER_SECOND],
    },
    Subject {
        file: "path-start.svg", title: "The first second of 50 ms, 1 Gbit/s: more is better",
        workloads: &["path-1", "path-16", "path-tcp-1", "path-tcp-16"], figures: &[figure::FIRST_SECOND],
    },
];

/// Draws every chart that the record has figures for.
///
/// # Errors
/// Those of writing.
pub fn draw(record: &Record, directory: &Path) -> anyhow::Result<()> {
    for subject in SUBJECTS {
        bars::draw(record, subject, &directory.join(subject.file))
            .map_err(|error| anyhow!("{}: {error}", subject.file))?;
    }
    curve::draw(record, &directory.join("open.svg")).map_err(|error| anyhow!("open.svg: {error}"))
}

/// Ours stands out, raw is the yardstick, the others tell themselves apart.
fn color(contender: Name) -> RGBColor {
    match contender {
        Name::Raw => RGBColor(0x9a, 0x9a, 0x9a),
        Name::Ours => RGBColor(0xc8, 0x4b, 0x16),
        Name::OursChunks => RGBColor(0xe8, 0x8a, 0x5a),
        Name::RustYamux => RGBColor(0x3b, 0x6f, 0xb6),
        Name::TokioYamux => RGBColor(0x5f, 0x9e, 0xd1),
        Name::H2 => RGBColor(0x2f, 0x8f, 0x83),
        Name::AsyncSmux => RGBColor(0x7a, 0xb8, 0x6b),
        Name::GoHashicorp => RGBColor(0x7d, 0x5b, 0xa6),
        Name::GoLibp2p => RGBColor(0xb0, 0x95, 0xcc),
    }
}
