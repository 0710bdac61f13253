//! `[budgets]` and `[prices]`: what they mean.

use crate::{
    config::{
        choice::Choice,
        settings::{
            Unpriced,
            file::{BudgetFile, BudgetsFile, PriceFile, PricesFile},
        },
        text::MoneyText,
    },
    domain::{
        budget::{Budget, BudgetPolicy, BudgetScope},
        price::{MinutePrice, OwnPrice, Rate, Rates},
    },
};

pub(super) fn budgets(file: &BudgetsFile) -> BudgetPolicy {
    let one = |(scope, file): (BudgetScope, &BudgetFile)| {
        let (warn, stop) = (file.warn.as_ref().map(MoneyText::amount), file.stop.as_ref().map(MoneyText::amount));
        (warn.is_some() || stop.is_some()).then_some(Budget { scope, warn, stop })
    };
    let fixed =
        [(BudgetScope::Run, &file.run), (BudgetScope::Day, &file.day), (BudgetScope::Month, &file.month)].into_iter();
    let projects = file.projects.iter().map(|(name, budget)| (BudgetScope::Project(name.clone()), budget));
    let models = file.models.iter().map(|(name, budget)| (BudgetScope::Model(name.clone()), budget));
    BudgetPolicy {
        budgets: fixed.chain(projects).chain(models).filter_map(one).collect(),
        allow_unpriced: matches!(file.unpriced, Some(Choice(Unpriced::Allow))),
    }
}

/// A price that is none is left out: the model is unpriced then, and never taken to cost nothing.
pub(super) fn prices(file: &PricesFile) -> Vec<OwnPrice> {
    let one = |(model, file): (&String, &PriceFile)| {
        let rate = |usd: &Option<_>| usd.as_ref().map(Rate::per_million);
        let cached = [&file.cache_read, &file.cache_write, &file.cache_write_1h].map(rate);
        let [read, write, write_1h] = cached.map(|rate| rate.map_or(Some(None), |rate| rate.map(Some)));
        let (input, output) = (Rate::per_million(&file.input)?, Rate::per_million(&file.output)?);
        let rates = Rates::of(model, input, output, (read?, write?, write_1h?));
        Some(OwnPrice { model: model.clone(), rates })
    };
    file.models.0.iter().filter_map(one).collect()
}

pub(super) fn minutes(file: &PricesFile) -> Vec<MinutePrice> {
    let one = |(engine, price): (&String, &crate::config::text::MinuteText)| MinutePrice {
        engine: engine.clone(),
        minute: price.minute(),
    };
    file.engines.iter().map(one).collect()
}
