// dialogue.hpp - watches what passes between the engine and the line: the transcript, the lines of EHLO, who
// took how long.
//
// It sees octets, not commands, and needs to know of SMTP only that a reply's last line has no '-' behind its
// code. What it keeps is bounded. Credentials are masked here, in the one place where transcripts are made:
// what the engine calls secret is never stored, and a server that repeats the password in its reply is masked
// as well.
#pragma once

#include "mask.hpp"
#include "postrider/client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace postrider::line {

class dialogue {
  public:
    using clock = std::chrono::steady_clock;

    /// Writes to `info` what it learns until set_up() is called. The arguments must outlive it.
    dialogue(const client_options& options, const mask& secrets, connection_info& info);
    dialogue(const dialogue&) = delete;
    dialogue& operator=(const dialogue&) = delete;
    ~dialogue();

    void sent(std::string_view octets, bool secret, bool content) {
        if (is_needed()) {
            watch_sent(octets, secret, content);
        }
    }
    void received(std::string_view octets) {
        if (is_needed()) {
            watch_received(octets);
        }
    }
    /// The line is encrypted from here on.
    void tls_started();
    /// The session is ready: what comes now is transcript only, if anybody wants one.
    void set_up();

  private:
    struct notes;

    bool is_needed() const { return notes_ || options_.transcript; }
    void watch_sent(std::string_view octets, bool secret, bool content);
    void watch_received(std::string_view octets);
    void show(bool from_us, std::string_view text) const;
    void show_line(bool from_us, std::string_view line) const;
    void end_content();
    void end_sent_line(std::string_view line);
    void end_received_line(std::string_view line);
    void learn(std::string_view verb, std::string_view line);

    const client_options& options_;
    const mask& mask_;
    connection_info& info_;
    std::string out_line_; // the beginnings of lines
    std::string in_line_;
    bool out_secret_ = false;
    std::uint64_t content_size_ = 0;
    std::unique_ptr<notes> notes_; // null once the session is set up
    bool tls_ = false;
    std::uint64_t number_ = 0; // of the connection
};

} // namespace postrider::line
