//! The application's handle of a session.

use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll};
use core::time::Duration;

use super::error::SessionError;
use super::shared::{Shared, State};
use super::stream::Handle;
use super::sync::Arc;
use super::wakers::{Ticket, WaitQueue, Wakes};
use crate::connection::Stats;
use crate::error::OpenError;
use crate::frame::GoAwayCode;
use crate::stream_id::Side;

/// A session whose streams are [`Handle`]s: what both adapters wrap.
///
/// Cloning gives another handle of the same session. When the last handle and the last stream are
/// dropped, the session closes in good order.
pub struct Session {
    shared: Arc<Shared>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Opens a stream. Waits while the peer has too many to acknowledge.
    ///
    /// # Errors
    /// [`SessionError::Refused`] after the peer's Go Away, [`SessionError::IdsExhausted`], or why the
    /// session ended.
    ///
    /// # Cancel safety
    /// A cancelled call has opened nothing.
    pub async fn open(&self) -> Result<Handle, SessionError> {
        self.shared.wait(|state| &mut state.opens, |state| self.try_open(state)).await
    }

    /// [`open`](Self::open) for who polls by hand; `turn` is its place among those who wait.
    pub fn poll_open(
        &self,
        cx: &mut Context<'_>,
        turn: &mut OpenTurn,
    ) -> Poll<Result<Handle, SessionError>> {
        turn.0.poll(cx, |state| self.try_open(state))
    }

    /// A place in the line of those who open; leaves it when dropped. If it is not polled for a while,
    /// others get its streams: each stream wakes all who wait in this way.
    pub fn open_turn(&self) -> OpenTurn {
        OpenTurn(Place::new(&self.shared, |state| &mut state.opens))
    }

    /// The next stream that the peer opened.
    ///
    /// # Errors
    /// Why the session ended; [`SessionError::Closed`] also after [`go_away`](Self::go_away), once the
    /// streams that came before it have been accepted.
    ///
    /// # Cancel safety
    /// A cancelled call has taken no stream.
    pub async fn accept(&self) -> Result<Handle, SessionError> {
        self.shared.wait(|state| &mut state.accepts, |state| self.try_accept(state)).await
    }

    /// [`accept`](Self::accept) for a `Stream` of streams; `turn` is its place among those who wait.
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        turn: &mut AcceptTurn,
    ) -> Poll<Result<Handle, SessionError>> {
        turn.0.poll(cx, |state| self.try_accept(state))
    }

    /// A place in the line of those who accept; leaves it when dropped. If it is not polled for a while,
    /// others get its streams: each stream wakes all who wait in this way.
    pub fn accept_turn(&self) -> AcceptTurn {
        AcceptTurn(Place::new(&self.shared, |state| &mut state.accepts))
    }

    /// Measures a round trip, from handing a ping to the transport to reading its answer.
    ///
    /// # Errors
    /// Why the session ended.
    ///
    /// # Cancel safety
    /// Can be cancelled at any time.
    pub async fn ping(&self) -> Result<Duration, SessionError> {
        let mut asked = None;
        self.shared
            .wait(
                |state| &mut state.pings,
                |state| {
                    if let Some(cause) = state.cause() {
                        return Some(Err(cause));
                    }
                    let asked = *asked.get_or_insert_with(|| state.connection.ping());
                    let (answered, rtt) = state.last_pong?;
                    // Values count up and wrap around.
                    (answered.wrapping_sub(asked) < u32::MAX / 2).then_some(Ok(rtt))
                },
            )
            .await
    }

    /// The last round trip measured, if one has been.
    pub fn rtt(&self) -> Option<Duration> {
        self.shared.look(|state| state.connection.rtt())
    }

    /// Tells the peer that no new streams are taken, and refuses those that come; the rest live on.
    /// Waits for nothing: the driver sends it in its turn.
    ///
    /// # Errors
    /// Why the session ended.
    pub async fn go_away(&self) -> Result<(), SessionError> {
        self.shared.with(|state, _| match state.cause() {
            Some(cause) => Err(cause),
            None => {
                state.connection.go_away(GoAwayCode::NORMAL);
                Ok(())
            }
        })
    }

    /// Closes in good order: refuses new streams, sends what was accepted from the application,
    /// gives the peer time to take it, resets the streams that were not finished, says Go Away and
    /// closes the transport; at most [`Config::close_timeout`](crate::Config::close_timeout).
    ///
    /// # Errors
    /// Why the session ended, if it was not by the will of one of the sides; or if it was, unless by an
    /// [`abort`](Self::abort) before, and the peer may not have had everything.
    ///
    /// # Cancel safety
    /// The closing goes on if the call is cancelled.
    pub async fn close(&self) -> Result<(), SessionError> {
        self.shared.with(|state, _| state.connection.close(GoAwayCode::NORMAL));
        self.finished().await
    }

    /// [`close`](Self::close) within this time, if the configured one is longer; also when closing has
    /// begun.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    ///
    /// # Cancel safety
    /// The closing goes on if the call is cancelled.
    pub async fn close_within(&self, time: Duration) -> Result<(), SessionError> {
        self.shared.with(|state, _| state.connection.close_within(GoAwayCode::NORMAL, time));
        self.finished().await
    }

    /// Waits until the driver is done, and says whether all went well.
    async fn finished(&self) -> Result<(), SessionError> {
        self.shared
            .wait(
                |state| &mut state.ends,
                |state| match state.cause() {
                    Some(cause) if state.finished => {
                        let done = cause.is_clean() && !state.connection.is_cut_short();
                        Some(if done { Ok(()) } else { Err(cause) })
                    }
                    Some(_) | None => None,
                },
            )
            .await
    }

    /// Ends the session now. What has not been sent is lost, and every pending call fails with
    /// [`SessionError::Closed`]; so does a [`close`](Self::close) that had still to wait for the peer.
    pub fn abort(&self) {
        self.shared.with(|state, _| state.connection.abort());
    }

    /// Waits for the end of the session and says why it ended.
    ///
    /// # Cancel safety
    /// Can be cancelled at any time.
    pub async fn closed(&self) -> SessionError {
        self.shared.wait(|state| &mut state.ends, |state| state.cause()).await
    }

    /// [`closed`](Self::closed) without a handle: it does not keep the session open.
    ///
    /// # Cancel safety
    /// Can be cancelled at any time.
    pub fn on_closed(&self) -> impl Future<Output = SessionError> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.wait(|state| &mut state.ends, |state| state.cause()).await }
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.look(|state| state.connection.cause().is_some())
    }

    /// Why the session ended, if it has.
    pub fn close_reason(&self) -> Option<SessionError> {
        self.shared.look(|state| state.cause())
    }

    /// Whether [`open`](Self::open) has a stream to give, now or once the peer has acknowledged earlier
    /// ones.
    pub fn can_open(&self) -> bool {
        self.shared.look(|state| state.connection.can_open())
    }

    /// Streams that are open, or that the application still holds.
    pub fn num_streams(&self) -> usize {
        self.shared.look(|state| state.connection.num_streams())
    }

    /// The end of the connection that this is.
    pub fn side(&self) -> Side {
        self.shared.look(|state| state.connection.side())
    }

    /// The numbers of the session.
    pub fn stats(&self) -> Stats {
        self.shared.look(|state| state.connection.stats().clone())
    }

    fn try_open(&self, state: &mut State) -> Option<Result<Handle, SessionError>> {
        let opened = match state.connection.open_key() {
            Ok(key) => Ok(key),
            Err(OpenError::Backlog) => return None,
            Err(OpenError::Refused) => Err(SessionError::Refused),
            Err(OpenError::IdsExhausted) => Err(SessionError::IdsExhausted),
            Err(OpenError::Closed(cause)) => Err(state.error(cause)),
        };
        Some(opened.map(|key| Handle::new(state, &self.shared, key)))
    }

    fn try_accept(&self, state: &mut State) -> Option<Result<Handle, SessionError>> {
        if let Some(key) = state.connection.accept_key() {
            return Some(Ok(Handle::new(state, &self.shared, key)));
        }
        if state.connection.takes_streams() {
            return None;
        }
        Some(Err(state.cause().unwrap_or(SessionError::Closed)))
    }
}

impl Clone for Session {
    fn clone(&self) -> Self {
        self.shared.look(|state| {
            state.handles = state.handles.saturating_add(1);
            state.sessions = state.sessions.saturating_add(1);
        });
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.with(|state, _| state.drop_session());
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (side, streams, cause) = self.shared.look(|state| {
            (state.connection.side(), state.connection.num_streams(), state.connection.cause())
        });
        f.debug_struct("Session")
            .field("side", &side)
            .field("streams", &streams)
            .field("closed", &cause)
            .finish()
    }
}

impl Shared {
    /// Waits in a queue until `check` has an answer.
    async fn wait<T>(
        &self,
        queue: fn(&mut State) -> &mut WaitQueue,
        mut check: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let mut turn = Turn { shared: self, queue, ticket: Ticket::default() };
        poll_fn(|cx| self.poll_wait(cx, &mut turn.ticket, queue, &mut check)).await
    }

    fn poll_wait<T>(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Ticket,
        queue: fn(&mut State) -> &mut WaitQueue,
        check: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<T> {
        self.with(|state, wakes| match check(state) {
            Some(answer) => {
                queue(state).leave(ticket, true, wakes);
                Poll::Ready(answer)
            }
            None => {
                queue(state).wait(ticket, cx, wakes);
                Poll::Pending
            }
        })
    }
}

impl State {
    /// The application dropped a session; after the last one, nobody can accept a stream.
    fn drop_session(&mut self) {
        self.sessions = self.sessions.saturating_sub(1);
        if self.sessions == 0 {
            self.connection.refuse_streams();
        }
        self.drop_handle();
    }

    /// The application dropped a session or a stream; after the last one, nobody can use the session.
    pub(super) fn drop_handle(&mut self) {
        self.handles = self.handles.saturating_sub(1);
        if self.handles == 0 {
            self.connection.close(GoAwayCode::NORMAL);
        }
    }
}

/// A place in one of the session's queues for as long as a call waits.
struct Turn<'a> {
    shared: &'a Shared,
    queue: fn(&mut State) -> &mut WaitQueue,
    ticket: Ticket,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        leave(self.shared, self.queue, &mut self.ticket);
    }
}

/// See [`Session::accept_turn`].
#[derive(Debug)]
pub struct AcceptTurn(Place);

/// See [`Session::open_turn`].
#[derive(Debug)]
pub struct OpenTurn(Place);

/// A place in one of the session's queues that is kept between calls.
struct Place {
    shared: Arc<Shared>,
    queue: fn(&mut State) -> &mut WaitQueue,
    ticket: Ticket,
}

impl Place {
    fn new(shared: &Arc<Shared>, queue: fn(&mut State) -> &mut WaitQueue) -> Self {
        Self { shared: Arc::clone(shared), queue, ticket: Ticket::idling() }
    }

    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        check: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<T> {
        self.shared.poll_wait(cx, &mut self.ticket, self.queue, check)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        leave(&self.shared, self.queue, &mut self.ticket);
    }
}

fn leave(shared: &Shared, queue: fn(&mut State) -> &mut WaitQueue, ticket: &mut Ticket) {
    if ticket.is_taken() {
        shared.with(|state, wakes: &mut Wakes| queue(state).leave(ticket, false, wakes));
    }
}
