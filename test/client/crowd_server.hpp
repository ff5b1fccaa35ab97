// crowd_server.hpp - a scripted server for many connections at once, each on a thread of its own, that counts
// what a pool is to keep within limits.
#pragma once

#include "scripted_server.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postrider::test {

class crowd_server {
  public:
    using clock = std::chrono::steady_clock;
    /// One connection, the nth from 0.
    using script = std::function<void(peer&, unsigned n)>;

    explicit crowd_server(script s);
    /// Cuts what is still open.
    ~crowd_server();
    crowd_server(const crowd_server&) = delete;
    crowd_server& operator=(const crowd_server&) = delete;

    std::uint16_t port() const { return port_; }
    unsigned connections() const;
    /// Connections that neither side has closed, now and at most at one time. The clients' closing counts as
    /// soon as it has arrived, whatever the script is doing.
    unsigned open() const;
    unsigned most_at_once() const;
    /// What went wrong in the scripts, first of all; empty when nothing did.
    std::string trouble() const;

  private:
    struct one {
        int copy = -1; // of the descriptor: to end it from here, whatever number its owner's is by now
        bool over = false;
        std::thread thread;
    };
    void accept();
    unsigned count_open() const;
    void serve(int descriptor, unsigned n);

    script script_;
    int listener_ = -1;
    int stop_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::list<one> all_;
    unsigned most_ = 0;
    std::string trouble_;
    std::thread thread_;
};

/// A mail server in a script: takes everything, unless told otherwise, and writes down what it saw. For
/// several connections and servers at once.
class clerk {
  public:
    struct taken {
        unsigned connection;
        std::string recipient;
        crowd_server::clock::time_point at;
    };
    /// The reply to a command; "" leaves it to the clerk, "cut" ends the line.
    using answers = std::function<std::string(unsigned connection, const std::string& command)>;

    explicit clerk(answers own = nullptr, std::vector<std::string> keywords = {"PIPELINING", "CHUNKING"})
        : own_(std::move(own)), keywords_(std::move(keywords)) {}

    void operator()(peer& p, unsigned n);

    std::vector<taken> all() const;
    std::size_t count() const;
    /// Connections that said QUIT.
    unsigned farewells() const;

  private:
    void dialogue(peer& p, unsigned n);
    std::string reply_to(unsigned n, const std::string& command);

    answers own_;
    std::vector<std::string> keywords_;
    mutable std::mutex mutex_;
    std::vector<taken> taken_;
    unsigned farewells_ = 0;
};

} // namespace postrider::test
