//! Panels of horizontal bars, each panel on a scale of its own with the values written out.

use std::{error::Error, path::Path};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Subject, color};
use crate::{
    catalogue::{CASES, Case},
    compare::show,
    contender::Name,
    measure::figure,
    record::Record,
};

const WIDTH: i32 = 760;
const TITLE: i32 = 36;
const HEADING: i32 = 30;
const BAR: i32 = 20;
/// Where bars begin, right of the names.
const LEFT: i32 = 120;
/// What is left for the values, right of the longest bar.
const RIGHT: i32 = 110;

struct Panel {
    heading: String,
    figure: &'static str,
    bars: Vec<(Name, f64)>,
}

/// Draws one subject, unless the record has none of its figures.
pub(super) fn draw(record: &Record, subject: &Subject, path: &Path) -> Result<(), Box<dyn Error>> {
    let panels = panels(record, subject);
    if panels.is_empty() {
        return Ok(());
    }
    let height: i32 = panels.iter().map(|it| HEADING + BAR * it.bars.len() as i32).sum();
    let size = (WIDTH as u32, (TITLE + height + BAR) as u32);
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    let title = ("sans-serif", 18).into_font().color(&BLACK);
    area.draw(&Text::new(subject.title, (12, 10), title))?;
    let mut top = TITLE;
    for panel in &panels {
        draw_panel(&area, panel, top)?;
        top += HEADING + BAR * panel.bars.len() as i32;
    }
    area.present()?;
    Ok(())
}

fn panels(record: &Record, subject: &Subject) -> Vec<Panel> {
    let cases = subject.workloads.iter().filter_map(|name| Case::find(name).ok());
    let mut panels = Vec::new();
    for case in cases.filter(|it| CASES.iter().any(|known| known.name == it.name)) {
        for figure in subject.figures {
            // The multi-thread runtime where a case has both: it is what most programs use.
            let Some(&runtime) = case.runtimes().first() else {
                continue;
            };
            let bar = |who| Some((who, record.value(case.name, runtime, who, figure)?));
            let bars: Vec<_> = Name::ALL.into_iter().filter_map(bar).collect();
            if !bars.is_empty() {
                let heading = format!("{}, {} ({})", case.about, quantity(figure), runtime.name());
                panels.push(Panel { heading, figure, bars });
            }
        }
    }
    panels
}

/// What a figure is, in the words of a chart.
fn quantity(name: &str) -> &'static str {
    match name {
        figure::P50 => "median",
        figure::P99 => "99th percentile",
        figure::BYTES_PER_SECOND => "bytes a second",
        figure::FIRST_SECOND => "bytes",
        figure::RESIDENT => "resident bytes each",
        _ => "a second",
    }
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    panel: &Panel,
    top: i32,
) -> Result<(), Box<dyn Error>> {
    let heading = ("sans-serif", 14).into_font().color(&BLACK);
    area.draw(&Text::new(panel.heading.clone(), (12, top + 9), heading))?;
    let most = panel.bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let at = |horizontal| Pos::new(horizontal, VPos::Center);
    let label = ("sans-serif", 12).into_font().color(&BLACK);
    for (row, &(who, value)) in panel.bars.iter().enumerate() {
        let middle = top + HEADING + BAR * row as i32 + BAR / 2;
        let length = (value / most * f64::from(WIDTH - LEFT - RIGHT)) as i32;
        let end = LEFT + length.max(1);
        let corners = [(LEFT, middle - BAR / 2 + 2), (end, middle + BAR / 2 - 2)];
        area.draw(&Rectangle::new(corners, color(who).filled()))?;
        area.draw(&Text::new(who.name(), (LEFT - 6, middle), label.pos(at(HPos::Right))))?;
        let value = show(panel.figure, value);
        area.draw(&Text::new(value, (end + 6, middle), label.pos(at(HPos::Left))))?;
    }
    Ok(())
}
