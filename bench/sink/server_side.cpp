// What costs time at a server's end of a measurement is the search for the end of the content. "\n." is rare
// in mail, so blocks are asked as a whole whether they hold it, in a loop that compilers turn into vector
// code, and the octets are only walked through where they do.
#include "server_side.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace bench {
namespace {

constexpr std::size_t block = 2048;

// Whether '.' follows '\n' anywhere; looks at size + 1 octets.
__attribute__((target_clones("avx2", "default"))) bool holds_dot_line(const char* octets,
                                                                      std::size_t size) noexcept {
    unsigned char found = 0;
    for (std::size_t i = 0; i < size; ++i) {
        found = static_cast<unsigned char>(found | ((octets[i] == '\n') & (octets[i + 1] == '.')));
    }
    return found != 0;
}

// Where the next "\n." is; the size when there is none.
std::size_t find_dot_line(std::string_view octets) noexcept {
    for (std::size_t at = 0; at + 1 < octets.size(); at += block) {
        const std::size_t size = std::min(block, octets.size() - 1 - at);
        if (holds_dot_line(octets.data() + at, size)) {
            return octets.find("\n.", at);
        }
    }
    return octets.size();
}

constexpr std::uint32_t verb(char a, char b, char c, char d) noexcept {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(a)) << 24U |
           static_cast<std::uint32_t>(static_cast<unsigned char>(b)) << 16U |
           static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8U |
           static_cast<std::uint32_t>(static_cast<unsigned char>(d));
}

constexpr std::uint32_t upper_case = 0xDFDFDFDFU; // of letters

} // namespace

void server_side::greet(std::string& replies) const {
    if (offer_->echo_request == 0) {
        replies += "220 mail.example ESMTP\r\n";
    }
}

bool server_side::starts_tls() noexcept {
    const bool now = start_tls_;
    start_tls_ = false;
    return now;
}

std::size_t server_side::take(std::string_view octets, std::string& replies) {
    if (offer_->echo_request != 0) {
        return take_echo(octets, replies);
    }
    std::size_t used = 0;
    while (used < octets.size() && !start_tls_ && !over_) {
        const std::string_view rest = octets.substr(used);
        if (state_ == state::chunk) {
            used += take_chunk(rest, replies);
        } else if (state_ == state::data) {
            used += take_data(rest, replies);
        } else {
            const std::size_t end = rest.find('\n');
            if (end == std::string_view::npos) {
                break;
            }
            used += end + 1;
            take_line(rest.substr(0, end), replies);
        }
    }
    return used;
}

std::size_t server_side::take_echo(std::string_view octets, std::string& replies) {
    left_ += octets.size();
    while (left_ >= offer_->echo_request) {
        left_ -= offer_->echo_request;
        replies.append(offer_->echo_reply, 'x');
        ++counts_->messages;
    }
    counts_->octets += octets.size();
    return octets.size();
}

std::size_t server_side::take_chunk(std::string_view octets, std::string& replies) {
    const std::size_t size = std::min<std::uint64_t>(left_, octets.size());
    left_ -= size;
    if (!chunk_refused_) {
        counts_->octets += size;
    }
    if (left_ != 0) {
        return size;
    }
    state_ = chunk_refused_ ? state::idle : state::rcpt;
    if (chunk_refused_) {
        refuse("503 5.5.1 BDAT without a recipient\r\n", replies);
    } else if (last_chunk_) {
        accept(replies);
    } else {
        replies += "250 2.0.0 Ok\r\n";
    }
    return size;
}

std::size_t server_side::take_data(std::string_view octets, std::string& replies) {
    std::size_t at = 0;
    while (at < octets.size()) {
        if (seen_ == seen::nothing) {
            const std::string_view rest = octets.substr(at);
            const std::size_t dot = find_dot_line(rest);
            // The octets in front of it cannot end the content. The last two are walked through: they may
            // begin the terminator.
            const std::size_t skip = std::max<std::size_t>(dot, 2) - 2;
            counts_->octets += skip;
            at += skip;
        }
        // Three octets at least: those in front of the dot, and the dot.
        for (int walked = 0; at < octets.size() && (walked < 3 || seen_ != seen::nothing); ++walked) {
            if (data_octet(octets[at++])) {
                state_ = state::rcpt;
                accept(replies);
                return at;
            }
        }
    }
    return at;
}

// True at the end of the content.
bool server_side::data_octet(char c) noexcept {
    if (seen_ == seen::crlf && c == '.') {
        seen_ = seen::dot; // RFC 5321 4.5.2: not part of the content
        return false;
    }
    if (seen_ == seen::dot && c == '\r') {
        seen_ = seen::dot_cr;
        return false;
    }
    if (seen_ == seen::dot_cr) {
        if (c == '\n') {
            return true;
        }
        ++counts_->octets; // the CR behind the dot was content after all
    }
    ++counts_->octets;
    if (c == '\r') {
        seen_ = seen::cr;
    } else {
        seen_ = seen_ == seen::cr && c == '\n' ? seen::crlf : seen::nothing;
    }
    return false;
}

void server_side::take_line(std::string_view line, std::string& replies) {
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    if (line.size() < 4) {
        refuse("500 5.5.2 Unknown command\r\n", replies);
        return;
    }
    switch (verb(line[0], line[1], line[2], line[3]) & upper_case) {
    case verb('M', 'A', 'I', 'L'):
        return take_mail(replies);
    case verb('R', 'C', 'P', 'T'):
        return take_rcpt(replies);
    case verb('B', 'D', 'A', 'T'):
        return take_bdat(line.substr(4), replies);
    case verb('D', 'A', 'T', 'A'):
        return take_data_command(replies);
    case verb('R', 'S', 'E', 'T'):
        state_ = state::idle;
        replies += "250 2.0.0 Ok\r\n";
        return;
    case verb('E', 'H', 'L', 'O'):
        return keywords(replies);
    case verb('H', 'E', 'L', 'O'):
        state_ = state::idle;
        replies += "250 mail.example\r\n";
        return;
    case verb('N', 'O', 'O', 'P'):
        replies += "250 2.0.0 Ok\r\n";
        return;
    case verb('Q', 'U', 'I', 'T'):
        over_ = true;
        replies += "221 2.0.0 Bye\r\n";
        return;
    case verb('S', 'T', 'A', 'R'):
        if (offer_->starttls && !tls_) {
            start_tls_ = tls_ = true;
            state_ = state::idle;
            replies += "220 2.0.0 Go ahead\r\n";
            return;
        }
        [[fallthrough]];
    default:
        refuse("502 5.5.1 Not known here\r\n", replies);
    }
}

void server_side::take_mail(std::string& replies) {
    if (state_ != state::idle) {
        refuse("503 5.5.1 Sender already given\r\n", replies);
        return;
    }
    state_ = state::mail;
    chunked_ = false;
    replies += "250 2.1.0 Ok\r\n";
}

void server_side::take_rcpt(std::string& replies) {
    if (state_ == state::idle || chunked_) {
        refuse("503 5.5.1 RCPT out of turn\r\n", replies);
        return;
    }
    state_ = state::rcpt;
    replies += "250 2.1.5 Ok\r\n";
}

void server_side::take_data_command(std::string& replies) {
    if (state_ != state::rcpt || chunked_) {
        refuse("503 5.5.1 DATA out of turn\r\n", replies);
        return;
    }
    state_ = state::data;
    seen_ = seen::crlf;
    replies += "354 End data with <CR><LF>.<CR><LF>\r\n";
}

void server_side::take_bdat(std::string_view argument, std::string& replies) {
    const std::size_t digits = std::min(argument.find_first_not_of(' '), argument.size());
    std::uint64_t size = 0;
    const auto [end, failure] =
        std::from_chars(argument.data() + digits, argument.data() + argument.size(), size);
    if (failure != std::errc() || !offer_->chunking) {
        refuse("501 5.5.4 No such BDAT\r\n", replies);
        return;
    }
    left_ = size;
    last_chunk_ = end != argument.data() + argument.size();
    chunk_refused_ = state_ != state::rcpt;
    chunked_ = true;
    state_ = state::chunk;
    if (size == 0) {
        take_chunk({}, replies);
    }
}

void server_side::keywords(std::string& replies) {
    state_ = state::idle;
    replies += "250-mail.example\r\n250-8BITMIME\r\n250-SIZE 524288000\r\n";
    if (offer_->pipelining) {
        replies += "250-PIPELINING\r\n";
    }
    if (offer_->chunking) {
        replies += "250-CHUNKING\r\n";
    }
    if (offer_->starttls && !tls_) {
        replies += "250-STARTTLS\r\n";
    }
    replies += "250 ENHANCEDSTATUSCODES\r\n";
}

void server_side::accept(std::string& replies) {
    ++counts_->messages;
    state_ = state::idle;
    replies += "250 2.0.0 Ok: queued as 4jYTsr3YcHz1cY3W\r\n";
}

void server_side::refuse(std::string_view reply, std::string& replies) {
    ++counts_->refused;
    replies += reply;
}

} // namespace bench
