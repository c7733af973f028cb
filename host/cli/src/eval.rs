//! For those who write connectors: `eval`.

use tollgate_eval::{EvalOptions, evaluate};
use tollgate_policy::visible;

use crate::arguments::Eval;
use crate::exit::Exit;
use crate::output;
use crate::serve::compiler;

pub(crate) async fn eval(eval: &Eval, as_json: bool) -> anyhow::Result<Exit> {
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let options = EvalOptions {
        component: eval.component.clone(),
        only: eval.only.clone(),
        at_once,
        ..EvalOptions::new(compiler()?)
    };
    let bar = output::busy("building the connector");
    let mut done = 0_usize;
    let report = evaluate(&eval.folder, &options, |scenario| {
        done += 1;
        bar.set_message(format!(
            "{done} scenarios, {} last",
            visible(&scenario.name)
        ));
    })
    .await;
    bar.finish_and_clear();
    let report = report?;
    if as_json {
        output::json(&report);
    } else {
        output::eval::report(&report);
    }
    Ok(if report.passed() {
        Exit::Success
    } else {
        Exit::Failure
    })
}
