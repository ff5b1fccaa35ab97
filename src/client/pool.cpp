// The pool's public face; the work is done by its scheduler and sessions.
#include "postrider/pool.hpp"

#include "launch.hpp"
#include "recycled.hpp"
#include "scheduler.hpp"

#include <exception>

namespace postrider {

namespace asio = boost::asio;

namespace {

std::shared_ptr<line::request> make_request(line::request::wish what, std::shared_ptr<line::site> to) {
    return std::allocate_shared<line::request>(line::recycled<line::request>(), what, std::move(to));
}

// A destructor has nobody to tell that memory ran out: the sessions then go with what still holds them.
void let_go(const std::shared_ptr<line::scheduler>& target) noexcept {
    try {
        if (target) {
            target->close();
        }
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): see above
    }
}

} // namespace

pool::pool(asio::any_io_executor executor, pool_options options)
    : impl_(std::make_shared<line::scheduler>(std::move(executor), options)) {}

pool::~pool() {
    let_go(impl_);
}

pool::pool(pool&& other) noexcept = default;

pool& pool::operator=(pool&& other) noexcept {
    if (this != &other) {
        let_go(impl_);
        impl_ = std::move(other.impl_);
    }
    return *this;
}

asio::any_io_executor pool::executor() const noexcept {
    return impl_->executor();
}

destination pool::at(client_options options) {
    destination there;
    there.site_ = impl_->at(std::move(options));
    return there;
}

void pool::limit(const server& whom, server_limits limits) {
    impl_->limit(whom, limits);
}

pool_counts pool::count() const {
    return impl_->count();
}

void pool::close() {
    impl_->close();
}

void pool::start_send(const shared_impl& target, destination to, outgoing mail, on_sent done) {
    auto r = make_request(line::request::wish::message, std::move(to.site_));
    mail.last = false; // when a session ends is the pool's affair
    r->mail.emplace(std::move(mail), false);
    line::launch(target, std::move(r), std::move(done));
}

void pool::start_room(const shared_impl& target, destination to, on_status done) {
    line::launch(target, make_request(line::request::wish::room, std::move(to.site_)), std::move(done));
}

void pool::start_drain(const shared_impl& target, on_status done) {
    line::launch(target, make_request(line::request::wish::drain, nullptr), std::move(done));
}

} // namespace postrider
