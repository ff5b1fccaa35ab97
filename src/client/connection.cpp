#include "connection.hpp"

#include "operation.hpp"
#include "prefetch.hpp"
#include "spare.hpp"

#include <boost/asio/bind_allocator.hpp>

#include <algorithm>
#include <cstddef>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>

namespace postrider::line {

namespace asio = boost::asio;

namespace {

constexpr std::uint64_t longest_wait = 24ULL * 60 * 60 * 1000;

} // namespace

// Room for a window of small messages; contents of some size are not copied.
struct connection::outgoing_octets {
    std::array<char, 98304> space;
    basic_gather<32, 2048> slices{space};
};

struct connection::incoming_octets {
    std::array<char, 16384> space;
};

connection::connection(line_socket socket, const settings& shared, const session_config& config,
                       breaker* patient, std::shared_ptr<connection_info> info)
    : session_(config, reply_space_), patient_(patient), settings_(shared), socket_(std::move(socket)),
      transport_(socket_.descriptor()), info_(std::move(info)),
      dialogue_(settings_.options, settings_.mask, *info_) {
    failure_.connection = info_;
    if (patient_ != nullptr) {
        patient_->watch(socket_.descriptor());
    }
}

connection::~connection() {
    wipe(reply_space_.data(), reply_space_.size());
}

void connection::begin_with_tls(std::chrono::milliseconds limit) {
    implicit_tls_ = handshaking_ = true;
    handshake_deadline_ = now() + static_cast<instant>(std::max<std::int64_t>(limit.count(), 0));
    tls_since_ = clock::now();
    transport_.start_tls(*settings_.tls);
}

void connection::run(std::shared_ptr<user> for_whom) {
    user_ = std::move(for_whom);
    handed_ = 0;
    resume();
}

void connection::abort(errc why) {
    if (!session_.is_closed()) {
        break_off(why, "");
    }
    if (is_running()) {
        resume();
    }
}

void connection::close() {
    if (socket_.is_open()) {
        transport_.say_goodbye();
        if (patient_ != nullptr) {
            patient_->forget();
        }
        socket_.close();
    }
    stop_timer();
}

instant connection::now() {
    return static_cast<instant>(
        std::chrono::duration_cast<std::chrono::milliseconds>(clock::now().time_since_epoch()).count());
}

void connection::set_up() {
    dialogue_.set_up();
    set_up_ = true;
}

void connection::resume() {
    now_ = now();
    pump();
}

// Does what the session wants until it has to wait, or has gone far enough. The clock is looked at before,
// and where something has taken time.
void connection::pump() {
    if (pumping_) {
        return; // a callback of the user's broke the session off; the loop below will see that
    }
    pumping_ = true;
    pumped how = pumped::moved;
    while (is_running() && (how == pumped::moved || (how == pumped::stuck && patient_ != nullptr))) {
        if (how == pumped::stuck) {
            wait_here();
            now_ = now();
        }
        how = step();
    }
    pumping_ = false;
    if (how == pumped::through) {
        finish();
    } else if (is_running()) {
        wait();
    }
}

connection::pumped connection::step() {
    if (handshaking_ && !session_.is_closed()) {
        const bool moved = handshake();
        now_ = now();
        return moved ? pumped::moved : pumped::stuck;
    }
    const want w = session_.next(now_);
    note_failure();
    if (w == want::read && noted_ && !has_output()) {
        // What broke is known, QUIT is said, and nobody needs to wait for its reply.
        session_.lost(errc::connection_lost);
        return pumped::moved;
    }
    const verdict v = w == want::closed ? verdict::done : user_->judge(w);
    if (v == verdict::done) {
        return pumped::through;
    }
    if (v == verdict::changed) {
        now_ = patient_ != nullptr ? now() : now_; // which read_when_it_comes() may have left out
        return pumped::moved;
    }
    return move(w) ? pumped::moved : pumped::stuck;
}

// One step towards what the session wants; false when there is nothing to do but to wait.
bool connection::move(want w) {
    if (w == want::write &&
        ((is_due_to_listen() && read()) || (collect() && session_.content_of() != nullptr))) {
        return true; // what was heard may change what is said; content leaves with its command
    }
    if (has_output()) {
        return flush() || read();
    }
    switch (w) {
    case want::content:
        transport_.expect_much();
        user_->lend(session_);
        now_ = now();
        return true;
    case want::start_tls:
        return start_tls();
    default:
        return read_when_it_comes();
    }
}

bool connection::has_output() const {
    return out_ != nullptr || transport_.has_output();
}

// The answer to what was written this moment cannot be there yet.
bool connection::read_when_it_comes() {
    if (patient_ == nullptr) {
        return !std::exchange(just_wrote_, false) && read();
    }
    const instant deadline = session_.deadline();
    const std::uint64_t left = deadline == never ? longest_wait : deadline > now_ ? deadline - now_ : 0;
    // Waking too early costs one look at the clock, setting the limit costs a system call.
    if (receive_limit_ == 0 || left + 1 < receive_limit_ || left / 16 > receive_limit_) {
        receive_limit_ = std::min(left, longest_wait) + 1;
        const timeval limit{static_cast<time_t>(receive_limit_ / 1000),
                            static_cast<suseconds_t>(receive_limit_ % 1000 * 1000)};
        ::setsockopt(socket_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    transport_.let_reads_block(true);
    read();
    transport_.let_reads_block(false);
    // Whoever has all that he asked for does not look at the clock.
    heard_ = now_ = session_.is_ready() ? now_ : now();
    return true; // if nothing came, the session looks at the clock
}

// Before an exchange begins, what came unasked is heard, or it would pass for the next answer. Not twice in
// the same moment: what could come since then could as well come in the next one, when nothing tells it from
// an answer.
bool connection::is_due_to_listen() const {
    return !has_output() && session_.outstanding() == 0 && heard_ != now_;
}

// Takes all that the session has to say, or as much as there is room for.
bool connection::collect() {
    if (!out_) {
        out_ = spare<outgoing_octets>::take();
    }
    bool any = false;
    while (collect_commands() || collect_slice()) {
        any = true;
    }
    if (!any) {
        release_output();
    }
    return any;
}

bool connection::collect_commands() {
    const std::string_view commands = out_->slices.take_commands(session_);
    if (!commands.empty()) {
        note(commands.size(), nullptr);
        dialogue_.sent(commands, false, false);
    }
    return !commands.empty();
}

// Content, or a credential.
bool connection::collect_slice() {
    const std::string_view octets = session_.output();
    const bool secret = session_.output_is_secret();
    const transaction* const content_of = session_.output_is_content() ? session_.sending() : nullptr;
    const std::size_t before = out_->slices.size();
    if (octets.empty() || !out_->slices.take(session_)) {
        return false;
    }
    const std::size_t size = out_->slices.size() - before;
    note(size, content_of);
    dialogue_.sent({octets.data(), size}, secret, content_of != nullptr);
    return true;
}

void connection::tell_contents() {
    if (!tells_contents_ && session_.in_hand() > 0) {
        marks_.push_back({session_.in_hand(), nullptr}); // whatever that is
    }
    tells_contents_ = true;
}

// Once the session is set up, only for those who said that they want to know.
void connection::tell_stage() {
    if (is_running() && (tells_contents_ || !set_up_)) {
        user_->progress(session_.failed_at(), nullptr, 0);
    }
}

void connection::note(std::size_t size, const transaction* content_of) {
    if (!tells_contents_) {
        return;
    }
    if (first_mark_ < marks_.size() && marks_.back().content_of == content_of) {
        marks_.back().size += size;
    } else {
        marks_.push_back({size, content_of});
    }
}

// Writes what was collected; false when the line takes no more just now.
bool connection::flush() {
    transport::step result = transport_.flush();
    if (result == transport::step::done && out_) {
        std::size_t consumed = 0;
        result = transport_.write(out_->slices.slices(), consumed, session_.is_leaving());
        out_->slices.written(consumed);
        release_output();
    }
    just_wrote_ = result == transport::step::done && !transport_.has_input();
    // Before anything that is read later: whether a message can be in doubt hangs on it.
    count_handed();
    if (result == transport::step::failed) {
        const errc error = transport_.error();
        const std::string detail = transport_.detail();
        read_all(); // the server may have said why before it closed
        break_off(error, detail);
        return true;
    }
    return result == transport::step::done;
}

// Nobody holds room for output while there is none.
void connection::release_output() {
    if (out_ && out_->slices.empty()) {
        spare<outgoing_octets>::give(std::move(out_));
        out_.reset();
    }
}

void connection::count_handed() {
    std::size_t size = transport_.take_handed();
    if (size == 0) {
        return;
    }
    session_.handed(size);
    handed_ += size;
    while (size > 0 && first_mark_ < marks_.size()) {
        mark& front = marks_[first_mark_];
        const std::size_t n = std::min(size, front.size);
        const transaction* const of = front.content_of;
        front.size -= n;
        size -= n;
        first_mark_ += front.size == 0 ? 1 : 0;
        if (of != nullptr) {
            user_->progress(stage::content, of, n);
        }
    }
    if (first_mark_ == marks_.size()) {
        marks_.clear();
        first_mark_ = 0;
    }
    tell_stage();
}

// Reads what is there; false when that is nothing.
bool connection::read() {
    auto input = spare<incoming_octets>::take();
    std::size_t size = 0;
    just_wrote_ = false;
    const transport::step result = transport_.read(input->space, size);
    heard_ = now_;
    if (result == transport::step::done) {
        take_in({input->space.data(), size});
    } else if (result != transport::step::blocked) {
        break_off(transport_.error(), transport_.detail());
    }
    spare<incoming_octets>::give(std::move(input));
    return result != transport::step::blocked;
}

void connection::take_in(std::span<char> octets) {
    session_.received({octets.data(), octets.size()});
    note_failure();
    dialogue_.received({octets.data(), octets.size()});
    tell_stage();
    heard_ = now_;
    if (set_up_ && session_.outstanding() > 0) {
        transport_.acknowledge();
    }
    if (!set_up_) {
        wipe(octets.data(), octets.size()); // a server may have repeated what it was shown
    }
}

void connection::read_all() {
    while (!session_.is_closed() && read()) {
    }
}

bool connection::start_tls() {
    // The server speaks second in TLS: what can be read now was said in clear, and the session takes it for
    // the attack it is (RFC 3207 6).
    if (read()) {
        return true;
    }
    handshaking_ = true;
    handshake_deadline_ = session_.deadline();
    tls_since_ = clock::now();
    transport_.start_tls(*settings_.tls);
    return true;
}

bool connection::handshake() {
    const transport::step result = transport_.handshake();
    if (result == transport::step::blocked) {
        if (now() < handshake_deadline_) {
            return false;
        }
        break_off(errc::timed_out, "the TLS handshake was not done in time");
        failure_.at = implicit_tls_ ? stage::connect : stage::starttls;
    } else if (result == transport::step::done) {
        handshaking_ = false;
        transport_.describe_to(*info_);
        info_->steps.push_back(
            {"tls", std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - tls_since_)});
        dialogue_.tls_started();
        session_.tls_started(transport_.verified());
    } else {
        transport_.describe_to(*info_); // whose certificate it was that did not pass
        break_off(transport_.error(), transport_.detail());
        failure_.at = implicit_tls_ ? stage::connect : stage::starttls;
    }
    return true;
}

void connection::break_off(errc error, std::string detail) {
    const bool struck = patient_ != nullptr && patient_->struck();
    if (failure_.detail.empty() && !struck) {
        failure_.detail = std::move(detail);
    }
    session_.lost(struck ? errc::cancelled : error);
    note_failure();
}

// The session says QUIT after a refusal, and then last_reply() is the one to that: so the decisive one is
// kept when it comes.
void connection::keep_failure() {
    noted_ = true;
    failure_.error = session_.error();
    failure_.at = session_.failed_at();
    const reply& last = session_.last_reply();
    switch (failure_.error) {
    case errc::starttls_refused:
    case errc::auth_refused:
    case errc::auth_transient:
    case errc::greeting_refused:
    case errc::ehlo_refused:
    case errc::service_closing:
    case errc::unexpected_reply:
    case errc::content_refused:
    case errc::unsolicited_reply:
        failure_.code = last.code;
        failure_.enhanced = last.enhanced;
        failure_.text = settings_.mask.over(std::string(last.text));
        break;
    default: // not about a reply
        break;
    }
}

// In the calling thread, until the socket can be read, or written while there is output.
void connection::wait_here() {
    const instant deadline = handshaking_ ? handshake_deadline_ : session_.deadline();
    const instant at = now();
    const instant left = deadline > at ? std::min(deadline - at, longest_wait) : 0;
    pollfd wanted{socket_.descriptor(), static_cast<short>(has_output() ? POLLIN | POLLOUT : POLLIN), 0};
    ::poll(&wanted, 1, static_cast<int>(left));
}

void connection::wait() {
    if (set_up_ && !transport_.is_tls()) {
        receive();
    } else {
        wait_for(asio::socket_base::wait_read, waiting_read_);
    }
    if (has_output()) {
        wait_for(asio::socket_base::wait_write, waiting_write_);
    }
    wait_until(handshaking_ ? handshake_deadline_ : session_.deadline());
}

void connection::wait_for(asio::socket_base::wait_type what, bool& waiting) {
    if (waiting) {
        return;
    }
    waiting = true;
    socket_.waited().async_wait(what,
                                [self = shared_from_this(), &waiting](const boost::system::error_code&) {
                                    // Also when the wait was cancelled: somebody may have called run() since
                                    // then.
                                    waiting = false;
                                    if (self->is_running()) {
                                        self->resume();
                                    }
                                });
}

// Waiting and reading in one spare the system a call each time. Not before the session is set up: what comes
// behind STARTTLS is not ours to read.
void connection::receive() {
    if (waiting_read_) {
        return;
    }
    waiting_read_ = true;
    early_.reset(new (recycled<early_octets>().allocate(1)) early_octets);
    socket_.waited().async_receive(
        asio::buffer(*early_),
        asio::bind_allocator(
            recycled<std::byte>(),
            [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                self->waiting_read_ = false;
                self->on_received(error, size);
            }));
}

// Among many sessions nothing of this one is in the nearest caches, and one thing leads to another: they are
// fetched together.
void connection::foresee() const {
    prefetch(&user_, &timer_);
    prefetch(&reply_space_, &reply_space_[64]);
    const transaction* const awaited = session_.awaited();
    if (awaited != nullptr && session_.beyond_recall(*awaited)) {
        operation::foresee(*awaited); // it will be answered
    } else if (awaited != nullptr) {
        prefetch(awaited, awaited + 2);
    }
    if (user_) {
        user_->foresee();
    }
}

// Also when the wait was cancelled: octets may have come all the same, or somebody called run() since then.
void connection::on_received(const boost::system::error_code& error, std::size_t size) {
    foresee();
    now_ = now();
    const auto early = std::move(early_);
    if (size > 0) {
        take_in({early->data(), size});
        if (size == early->size()) {
            read(); // there is more, of which the rest shall be heard before anything is answered
        }
    } else if (is_running() && error == asio::error::eof) {
        break_off(errc::connection_lost, transport::closed_by_server);
    } else if (is_running() && error && error != asio::error::operation_aborted) {
        break_off(error == asio::error::timed_out ? errc::timed_out : errc::connection_lost,
                  text_of_errno(error.value()));
    }
    if (is_running()) {
        pump();
    }
}

// The timer is set anew only when it would go off too late; going off too early costs one look at the clock.
void connection::wait_until(instant deadline) {
    if (deadline >= timer_set_ || deadline == never) {
        return;
    }
    timer_set_ = deadline;
    if (!timer_) {
        timer_.emplace(socket_.waited().get_executor());
    }
    timer_->expires_at(clock::time_point(std::chrono::milliseconds(deadline)));
    timer_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (error) {
            return;
        }
        self->timer_set_ = never;
        if (self->is_running()) {
            self->resume();
        }
    });
}

void connection::stop_timer() {
    if (timer_) {
        timer_->cancel();
    }
    timer_set_ = never;
}

void connection::finish() {
    // Nobody waits on an idle line: it would keep the context running.
    if (waiting_read_ || waiting_write_) {
        boost::system::error_code ignored;
        socket_.waited().cancel(ignored);
    }
    stop_timer();
    const std::shared_ptr<user> for_whom = std::move(user_);
    user_ = nullptr;
    for_whom->done();
}

} // namespace postrider::line
