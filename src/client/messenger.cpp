#include "messenger.hpp"

#include "known_windows.hpp"
#include "prefetch.hpp"
#include "recycled.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

using kind = operation::kind;

// The line broke in a way that tells of its age, not of what we did.
bool is_stale(errc e) noexcept {
    return e == errc::connection_lost || e == errc::tls_truncated || e == errc::service_closing;
}

} // namespace

messenger::messenger(asio::any_io_executor executor, bool implicit_strand,
                     std::shared_ptr<const settings> shared, breaker* patient)
    : executor_(std::move(executor)), strand_(executor_, implicit_strand), settings_(std::move(shared)),
      patient_(patient), config_(settings_->config()), misconfiguration_(settings_->misconfiguration) {
    if (settings_->options.credentials) {
        login_ = std::make_unique<login>();
        const std::string wrong = login_->set_up(settings_->options);
        misconfiguration_ = misconfiguration_.empty() ? wrong : misconfiguration_;
        config_.mechanisms = login_->mechanisms();
    }
}

// --- the queue ---

// Several at a time: what arrives at the same time is taken together, so that it can leave in one write. One
// at a time: at once, as far as it gets without waiting.
void messenger::start(shared_operation op) {
    if (!arrive(std::move(op))) {
        return;
    }
    auto take = [self = shared_from_this()] {
        self->take_arrivals();
        self->begin();
    };
    if (settings_->options.window == 1) {
        asio::dispatch(strand_, std::move(take));
    } else {
        asio::post(strand_, std::move(take));
    }
}

// True for the first one, which has to see to it that all are taken.
bool messenger::arrive(shared_operation op) {
    const std::lock_guard lock(arrivals_mutex_);
    arrivals_.push_back(std::move(op));
    return arrivals_.size() == 1;
}

void messenger::wake() {
    asio::post(strand_, [self = shared_from_this()] {
        self->take_arrivals();
        self->begin();
    });
}

void messenger::take_arrivals() {
    std::vector<shared_operation> arrived;
    {
        const std::lock_guard lock(arrivals_mutex_);
        arrived.swap(arrivals_);
    }
    for (shared_operation& op : arrived) {
        queue_.push_back(std::move(op));
    }
}

void messenger::begin() {
    if (phase_ == phase::sending && submit_more()) {
        const auto keep = connection_; // it may come to its end within
        keep->resume();
    }
    if (phase_ != phase::idle) {
        return;
    }
    if (queue_.empty() && !draw()) {
        at_rest();
        return;
    }
    phase_ = phase::setting_up;
    operation& op = current();
    if (!misconfiguration_.empty()) {
        status s;
        s.error = errc::bad_configuration;
        s.detail = misconfiguration_;
        fail(s);
    } else if (op.what == kind::quit) {
        quit();
    } else if (op.mail && !op.mail->parse()) {
        finish({});
    } else {
        need_session();
    }
}

void messenger::need_session() {
    if (connection_ && connection_->is_closed()) {
        drop();
    }
    if (!connection_) {
        connect();
        return;
    }
    session_reused_ = current().reused = true;
    if (connection_->engine().is_ready()) {
        on_session();
    } else {
        run();
    }
}

void messenger::connect() {
    session_reused_ = current().reused = false;
    info_ = std::make_shared<connection_info>();
    if (current().mail) {
        current().mail->report(stage::connect);
    }
    connector_ = std::make_shared<connector>(strand_, settings_->options, settings_->host, *info_,
                                             patient_ != nullptr);
    connector_->start([self = shared_from_this(),
                       since = std::chrono::steady_clock::now()](connector::failure why, line_socket socket) {
        self->connector_.reset();
        self->on_socket(std::move(why), std::move(socket), since);
    });
}

void messenger::on_socket(connector::failure why, line_socket socket,
                          std::chrono::steady_clock::time_point since) {
    if (why.error != errc::ok) {
        status s;
        s.error = why.error;
        s.detail = std::move(why.detail);
        fail(s);
        return;
    }
    connection_ = std::allocate_shared<connection>(recycled<connection>(), std::move(socket), *settings_,
                                                   config_, patient_, info_);
    if (config_.tls == tls_policy::implicit) {
        const auto used =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
        connection_->begin_with_tls(settings_->options.connect_timeout - used);
    }
    run();
}

void messenger::run() {
    const auto keep = connection_; // the operation may end, and drop it, before run() returns
    keep->run(shared_from_this());
}

connection::verdict messenger::judge(want w) {
    if (phase_ == phase::sending) {
        return judge_messages();
    }
    return w == want::ready && phase_ != phase::quitting ? connection::verdict::done
                                                         : connection::verdict::go_on;
}

void messenger::lend(session& to) {
    operation_of(to.content_of())->mail->lend_to(to);
}

void messenger::progress(stage at, const transaction* of, std::uint64_t octets) {
    operation* const op = operation_of(of);
    if (op != nullptr && op->mail) {
        op->mail->report(at, octets);
    }
}

void messenger::foresee() const {
    prefetch(this, this + 1);
}

void messenger::done() {
    switch (phase_) {
    case phase::sending:
        on_sent();
        break;
    case phase::asking:
        on_answer();
        break;
    case phase::quitting:
        on_quit();
        break;
    default:
        on_session();
        break;
    }
}

// Whose transaction it is; without one, whoever is first.
operation* messenger::operation_of(const transaction* t) {
    if (t != nullptr) {
        for (operation& op : submitted_) {
            if (&op.mail->transaction() == t) {
                return &op;
            }
        }
    }
    return !submitted_.empty() ? &submitted_.front() : !queue_.empty() ? &queue_.front() : nullptr;
}

// The session is ready, or has come to its end.
void messenger::on_session() {
    if (connection_->is_closed()) {
        if (!try_again()) {
            fail(connection_->failure());
        }
        return;
    }
    note_session();
    switch (current().what) {
    case kind::send:
    case kind::probe:
        send();
        break;
    case kind::ask:
        ask();
        break;
    default:
        finish({});
        break;
    }
}

void messenger::note_session() {
    if (session_reused_) {
        return;
    }
    connection_->set_up();
    const session& s = connection_->engine();
    info_->capabilities = s.server();
    info_->extended = s.extended();
    info_->authenticated = s.authenticated();
    if (s.used_mechanism() != nullptr) {
        info_->mechanism = s.used_mechanism()->name();
    }
}

// --- messages ---

void messenger::send() {
    phase_ = phase::sending;
    submit_more();
    if (submitted_.empty()) {
        end_phase(); // none of them could be submitted, and they have their answers
        return;
    }
    run();
}

// True when the engine got something new to do.
bool messenger::submit_more() {
    const unsigned wanted = settings_->options.window;
    // An automatic window opens while messages are under way: on a busy line there is no moment without.
    if (wanted != 1 && (submitted_.empty() || wanted == automatic_window)) {
        const bool pipelining =
            config_.use_pipelining && connection_->engine().server().has(keyword::pipelining);
        width_ = pipelining ? known_windows::shared().width(settings_->site, wanted) : 1;
    }
    bool any = false;
    while (queue_.empty() ? has_room() && draw() : has_room_for(queue_.front())) {
        any = submit_next() || any;
    }
    return any;
}

bool messenger::has_room_for(const operation& next) const {
    const bool message = next.what == kind::send || next.what == kind::probe;
    // What is repeated goes in turn: nothing ahead of it, nothing behind.
    return message && (submitted_.empty() || !next.repeated) && has_room();
}

// For a message that was not repeated.
bool messenger::has_room() const {
    const bool fits = submitted_.empty() || (!submitted_.front().repeated && submitted_.size() < width_ &&
                                             octets_ < settings_->options.window_octets);
    return fits && repeated_.empty() && connection_->engine().can_submit();
}

// True when the queue has got another message.
bool messenger::draw() {
    shared_operation op = further();
    if (op) {
        queue_.push_back(std::move(op));
    }
    return !queue_.empty();
}

// False when the message cannot be sent; it has its answer then.
bool messenger::submit_next() {
    shared_operation op = queue_.take_front();
    // Whoever was the first of the queue when the session was ready has been parsed already.
    const bool open = op->mail->parsed() || op->mail->parse();
    if (!open || !op->mail->prepare(connection_->engine().server())) {
        finish(op, status_of(errc::ok));
        return false;
    }
    op->ahead = !submitted_.empty();
    if (!op->ahead) {
        connection_->count_from_here();
    }
    octets_ += op->mail->total();
    reports_ = reports_ || op->mail->mail().on_progress;
    if (reports_) {
        connection_->tell_contents();
    }
    connection_->engine().submit(op->mail->transaction());
    if (op->mail->mail().last) {
        connection_->engine().quit();
    }
    submitted_.push_back(std::move(op));
    return true;
}

// Asked whenever the engine has moved.
connection::verdict messenger::judge_messages() {
    if (connection_->is_closed()) {
        return connection::verdict::done; // on_sent() sees to it
    }
    if (!submitted_.empty()) {
        if (!submitted_.front().mail->transaction().completed()) {
            return connection::verdict::go_on;
        }
        settle_completed();
        submit_more();
    }
    if (!submitted_.empty()) {
        return connection::verdict::changed;
    }
    // A session that has said QUIT is seen to its end.
    return connection_->engine().can_submit() ? connection::verdict::done : connection::verdict::go_on;
}

void messenger::settle_completed() {
    unsigned delivered = 0;
    while (!submitted_.empty() && submitted_.front().mail->transaction().completed()) {
        const shared_operation op = submitted_.take_front();
        octets_ -= op->mail->total();
        delivered += conclude(op) ? 1 : 0;
        session_reused_ = true;
    }
    if (delivered > 0 && settings_->options.window != 1) {
        known_windows::shared().clean(settings_->site, delivered);
    }
}

// Nothing is under way, or the session has come to its end and everything is settled.
void messenger::on_sent() {
    if (connection_->is_closed()) {
        note_trouble();
    }
    settle_completed();
    end_phase();
}

void messenger::note_trouble() {
    switch (connection_->failure().error) {
    case errc::connection_lost:
    case errc::tls_truncated:
    case errc::timed_out:
        if (submitted_.size() > 1 && !is_untouched()) {
            known_windows::shared().lost(settings_->site);
        }
        break;
    case errc::unexpected_reply:
        if (submitted_.size() > 1) {
            known_windows::shared().out_of_turn(settings_->site);
        }
        break;
    default: // not about the window
        break;
    }
}

// A kept line that was dead before the system was given anything.
bool messenger::is_untouched() const {
    return session_reused_ && connection_->handed() == 0 && is_stale(connection_->failure().error);
}

// True when it was delivered.
bool messenger::conclude(const shared_operation& op) {
    if (op->answered) {
        return false; // cancelled when it was in doubt already
    }
    const delivery::verdict v = op->mail->judge();
    if (may_repeat(*op, v)) {
        if (v.out_of_turn) {
            known_windows::shared().out_of_turn(settings_->site);
        }
        op->retried = op->retried || !op->ahead;
        op->repeated = op->repeated || op->ahead;
        op->mail->restart();
        repeated_.push_back(op);
        return false;
    }
    finish(op, connection_->failure());
    return v.delivered;
}

// Only what is provably not accepted, and not for a reason of its own: what was sent ahead and fell with what
// was in front of it, what stood beside a message that broke the line or was cancelled, and what found a kept
// line dead.
bool messenger::may_repeat(const operation& op, const delivery::verdict& v) const {
    if (op.cancelled || !v.nobody_has_it) {
        return false;
    }
    if (op.ahead && !op.repeated) {
        return v.out_of_turn || (connection_->is_closed() && v.fell_with_the_line);
    }
    return !op.retried && connection_->is_closed() && v.fell_with_the_line &&
           (v.bystander || op.cut_off || is_untouched());
}

void messenger::end_phase() {
    queue_.put_in_front(repeated_);
    phase_ = phase::idle;
    if (connection_ && connection_->is_closed()) {
        drop();
    }
    rest();
}

void messenger::rest() {
    if (!queue_.empty() || draw()) {
        asio::post(strand_, [self = shared_from_this()] { self->begin(); });
    } else {
        at_rest();
    }
}

// --- everything else ---

void messenger::ask() {
    operation& op = current();
    phase_ = phase::asking;
    if (const errc e = connection_->engine().ask(op.question, op.argument); e != errc::ok) {
        status s;
        s.error = e;
        s.at = stage::command;
        s.detail = e == errc::bad_argument ? "the argument holds control characters" : "";
        finish(std::move(s));
        return;
    }
    run();
}

void messenger::on_answer() {
    if (connection_->is_closed()) {
        if (!try_again()) {
            fail(connection_->failure());
        }
        return;
    }
    const reply& answer = connection_->engine().last_reply();
    status s;
    s.at = stage::command;
    s.code = answer.code;
    s.enhanced = answer.enhanced;
    s.text = settings_->mask.over(std::string(answer.text));
    finish(std::move(s));
}

void messenger::quit() {
    phase_ = phase::quitting;
    if (!connection_ || connection_->is_closed()) {
        drop();
        finish({});
        return;
    }
    connection_->engine().quit();
    run();
}

void messenger::on_quit() {
    status s = connection_->failure(); // whatever became of QUIT itself is no error
    drop();                            // QUIT may wait for the end of the stream to leave with it
    finish(std::move(s));
}

// --- ends ---

// A kept session that turned out dead before the system was given anything of this operation: once more, on a
// new one.
bool messenger::try_again() {
    operation& op = current();
    const bool stale = op.reused && !op.retried && !op.cancelled && is_untouched();
    if (stale) {
        op.retried = true;
        phase_ = phase::setting_up;
        drop();
        connect();
    }
    return stale;
}

// There is no session: nobody gets the message.
void messenger::fail(const status& why) {
    const bool of_all = fails_together() && why.error != errc::cancelled;
    status s = why;
    s.connection = info_;
    do {
        const shared_operation op = queue_.take_front();
        if (op->mail) {
            op->mail->fail(why.error, why.at, why);
        }
        finish(op, s);
    } while (of_all && !queue_.empty());
    end_phase();
}

// The first of the queue is done.
void messenger::finish(status s) {
    const shared_operation op = queue_.take_front();
    s.connection = info_;
    finish(op, s);
    end_phase();
}

status messenger::status_of(errc e) const {
    status s;
    s.error = e;
    s.connection = info_;
    return s;
}

// `s` holds the connection.
void messenger::finish(const shared_operation& op, const status& s) {
    if (!op->answered) {
        settled(*op, s);
    }
    operation::finish(op, s, settings_->mask, executor_);
}

void messenger::settled(operation&, const status&) {}

void messenger::cancel(std::weak_ptr<operation> op) {
    asio::post(strand_, [self = shared_from_this(), op = std::move(op)] {
        if (const auto mine = op.lock()) {
            self->take_arrivals(); // it may be among them
            self->cancel_here(mine);
        }
    });
}

void messenger::cancel_here(const shared_operation& op) {
    if (submitted_.holds(*op)) {
        cancel_submitted(op);
        return;
    }
    if (!queue_.holds(*op)) {
        return; // it is done
    }
    op->cancelled = true;
    const status s = status_of(errc::cancelled);
    const bool begun = &queue_.front() == op.get() && phase_ != phase::idle && phase_ != phase::sending;
    if (!begun) {
        queue_.take(*op);
        if (op->mail) {
            op->mail->fail(s.error, s.at);
        }
        finish(op, s);
    } else if (connector_) {
        connector_->cancel();
        connector_.reset();
        fail(s);
    } else {
        const auto keep = connection_;
        keep->abort(errc::cancelled);
    }
}

// Alone, it takes the line with it. Beside others the line stays when that changes nothing for the one that
// is cancelled: handed over whole, it is in doubt either way.
void messenger::cancel_submitted(const shared_operation& op) {
    op->cancelled = true;
    const bool beside_others = submitted_.size() > 1;
    if (beside_others && connection_->engine().beyond_recall(op->mail->transaction())) {
        op->mail->leave_in_doubt(errc::cancelled);
        finish(op, status_of(errc::cancelled));
        return;
    }
    for (operation& other : submitted_) {
        other.cut_off = other.cut_off || &other != op.get();
    }
    const auto keep = connection_;
    keep->abort(errc::cancelled);
}

// What is asked for after this call is not meant.
void messenger::close() {
    const std::lock_guard lock(arrivals_mutex_);
    asio::post(strand_, [self = shared_from_this(), until_now = std::exchange(arrivals_, {})] {
        for (const shared_operation& op : until_now) {
            self->queue_.push_back(op);
        }
        self->close_here();
    });
}

void messenger::close_here() {
    for (operation& op : submitted_) {
        op.cancelled = true;
    }
    // From the back, so that none of them begins only to be cancelled.
    while (!queue_.empty()) {
        cancel_here(queue_.share_back());
    }
    if (!submitted_.empty()) {
        const auto keep = connection_;
        keep->abort(errc::cancelled);
    }
    drop();
}

void messenger::drop() {
    if (connection_) {
        connection_->close();
        connection_.reset();
    }
}

} // namespace postrider::line
