//! A chain of models as one: tries again, falls back, and obeys breaker and rate.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::ready, stream, stream::BoxStream};
use tokio::{sync::mpsc, time::sleep};

use super::{
    Model, ModelError, Piece, Prompt, Reply,
    attempt::{Attempt, Pieces},
    fault::Fault,
    models::{Provider, Shared},
    retry::{Next, may_fall_back, next},
    wire::Ask,
};
use crate::{config::settings::model::Effort, domain::talk::ModelName};

/// Pieces that wait for whoever asked.
const WAITING: usize = 64;

/// A model of a chain.
#[derive(Clone)]
pub(super) struct Link {
    pub provider: Arc<Provider>,
    pub model: ModelName,
    pub max_output: u32,
    /// Tokens that it takes in.
    pub window: u64,
    pub effort: Option<Effort>,
}

/// Models of which each next one is asked when those before it can't answer. There is at least one.
#[derive(Clone)]
pub(super) struct Chain {
    pub shared: Arc<Shared>,
    pub first: Link,
    pub others: Vec<Link>,
}

impl Model for Chain {
    fn ask(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        let chain = self.clone();
        let (pieces, heard) = mpsc::channel(WAITING);
        let work = async move {
            let end = chain.run(&prompt, &pieces).await.map(|reply| Piece::End(Box::new(reply)));
            // Nobody listens any more: then there is nobody to tell.
            let _ = pieces.send(end).await;
        };
        // The work is part of the stream: when that is dropped, so is the request, and its connection is closed.
        let work = work.into_stream().map(|()| None);
        let heard = stream::unfold(heard, |mut heard| async move { Some((Some(heard.recv().await?), heard)) });
        stream::select(heard, work).filter_map(ready).boxed()
    }

    fn name(&self) -> ModelName {
        self.first.model.clone()
    }
}

impl Chain {
    async fn run(&self, prompt: &Prompt, pieces: &Pieces) -> Result<Reply, ModelError> {
        let mut failed = match self.try_link(&self.first, !self.others.is_empty(), prompt, pieces).await {
            Ok(reply) => return Ok(reply),
            Err(error) => (error, self.first.window),
        };
        for (at, link) in self.others.iter().enumerate() {
            let (error, window) = &failed;
            if !may_fall_back(error, link.window > *window) {
                continue;
            }
            again(pieces, format!("{error}; asking {}", link.model)).await;
            let others = at + 1 < self.others.len();
            match self.try_link(link, others, prompt, pieces).await {
                Ok(reply) => return Ok(reply),
                Err(error) => failed = (error, link.window),
            }
        }
        Err(failed.0)
    }

    async fn try_link(&self, link: &Link, others: bool, prompt: &Prompt, pieces: &Pieces) -> Result<Reply, ModelError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let fault = match self.attempt(link, prompt, pieces).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            match next(&self.shared.patience, &fault, tried, others, dice()) {
                Next::Leave => return Err(fault.error),
                Next::Again(wait) => {
                    again(pieces, format!("{}; trying again in {:.1} s", fault.error, wait.as_secs_f32())).await;
                    sleep(wait).await;
                }
            }
        }
    }

    async fn attempt(&self, link: &Link, prompt: &Prompt, pieces: &Pieces) -> Result<Reply, Fault> {
        let provider = &link.provider;
        let denied = |said: String| ModelError::Denied { provider: link.model.provider.clone(), said };
        // Before a place among the requests of this minute is taken.
        provider.rests(self.shared.now())?;
        let key = provider.key(&self.shared.environment).await.map_err(|error| denied(error.to_string()))?;
        let http = self
            .shared
            .http(&provider.url)
            .map_err(|said| ModelError::Unreachable { provider: link.model.provider.clone(), said })?;
        loop {
            let taken = provider.rate.lock().take(self.shared.now());
            match taken {
                Ok(()) => break,
                Err(wait) => sleep(wait.max(Duration::from_millis(1))).await,
            }
        }
        let pass = provider.pass(&self.shared)?;
        let limit = if prompt.max_output == 0 { link.max_output } else { prompt.max_output.min(link.max_output) };
        let ask = Ask { kind: provider.spec.kind, model: &link.model, prompt, max_output: limit, effort: link.effort };
        let attempt = Attempt { http: &http, url: &provider.url, key: key.as_ref(), ask, timing: self.shared.timing };
        let answer = attempt.run(pieces).await;
        pass.settle(answer.as_ref().err());
        if let Err(Fault { error: ModelError::Denied { .. }, .. }) = &answer {
            // It may have been changed: the command is asked anew the next time.
            provider.forget_key();
        }
        answer
    }
}

/// Tells whoever listens that it starts over.
async fn again(pieces: &Pieces, why: String) {
    let _ = pieces.send(Ok(Piece::Again { why })).await;
}

/// From 0 to 1.
fn dice() -> f64 {
    let number = RandomState::new().hash_one(());
    (number >> 11) as f64 / (1_u64 << 53) as f64
}
