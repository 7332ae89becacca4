//! What opening very many streams takes, as curves.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use super::color;
use crate::{contender::Name, measure::figure, record::Record, runtime::Runtime};

const POINTS: [(&str, f64); 4] =
    [("open-1k", 1e3), ("open-10k", 1e4), ("open-100k", 1e5), ("open-1m", 1e6)];

type Curve = (Name, Vec<(f64, f64)>);

/// Draws seconds over streams, both logarithmic, unless the record has fewer than two points.
pub(super) fn draw(record: &Record, path: &Path) -> Result<(), Box<dyn Error>> {
    let curves = curves(record);
    let seconds = || curves.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (least, most) = (seconds().fold(f64::MAX, f64::min), seconds().fold(0.0, f64::max));
    if curves.is_empty() {
        return Ok(());
    }
    let area = SVGBackend::new(path, (760, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Opening streams: lower is better", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d((900.0..1.1e6).log_scale(), (least / 1.5..most * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("streams")
        .y_desc("seconds")
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value}"))
        .draw()?;
    for (who, points) in curves {
        let style = color(who).stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(who.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(points.into_iter().map(|it| Circle::new(it, 3, color(who).filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 12))
        .draw()?;
    area.present()?;
    Ok(())
}

fn curves(record: &Record) -> Vec<Curve> {
    let curve = |who| {
        let point = |&(workload, streams): &(&str, f64)| {
            let value = record.value(workload, Runtime::MultiThread, who, figure::SECONDS)?;
            Some((streams, value))
        };
        let points: Vec<_> = POINTS.iter().filter_map(point).collect();
        (points.len() > 1).then_some((who, points))
    };
    Name::ALL.into_iter().filter_map(curve).collect()
}
