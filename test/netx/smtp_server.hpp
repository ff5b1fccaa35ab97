// An SMTP server that answers as it was told and writes down what it was sent.
//
// An answer is text, and may end with one of the marks below: what happens to the line once the text is out.
// Commands are known by their first word; what answers a 334 is "RESPONSE", the end of a content is ".".
#pragma once

#include "loopback_server.hpp"
#include "tls_identity.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace test {

inline const std::string then_end = "\x01";     // FIN
inline const std::string then_reset = "\x02";   // RST
inline const std::string then_silence = "\x03"; // the line stays, nothing more is said or read

/// What came over one connection.
struct dialogue {
    std::vector<std::string> lines;    // commands and responses, without CRLF
    std::vector<std::string> words;    // of the commands
    std::string credentials;           // the AUTH command and its responses, in one line
    int responses = 0;                 // to a 334 or with AUTH itself, "*" not counted
    std::vector<std::string> contents; // dot-stuffed as they came, without the end marker
    std::string rest;                  // content whose end marker did not come
    std::size_t octets = 0;            // in clear or decrypted
    std::size_t lines_in_clear = 0;    // of `lines`, those before TLS
    bool tls = false;
    bool quit = false;
};

/// The octets of one connection, under TLS or not.
class channel {
  public:
    explicit channel(peer& p) : peer_(p) {}

    bool start_tls(SSL_CTX* context) {
        std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes to lines that are gone as well
        const timeval patience{5, 0};
        setsockopt(peer_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ssl_.reset(SSL_new(context));
        SSL_set_fd(ssl_.get(), peer_.fd());
        return SSL_accept(ssl_.get()) == 1;
    }

    void write(std::string_view text) {
        if (ssl_ == nullptr)
            peer_.send(text);
        else if (!text.empty())
            SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    }

    /// Up to and without `end`; nothing when the line ends before. Then the rest is in buffer().
    std::optional<std::string> read_to(std::string_view end) {
        for (;;) {
            if (const auto at = buffer_.find(end); at != std::string::npos) {
                auto text = buffer_.substr(0, at);
                buffer_.erase(0, at + end.size());
                return text;
            }
            const std::string more = read_some();
            if (more.empty())
                return std::nullopt;
            octets += more.size();
            buffer_ += more;
        }
    }
    void put_back(std::string_view text) { buffer_.insert(0, text); }
    const std::string& buffer() const { return buffer_; }
    void end_tls() {
        if (ssl_ != nullptr)
            SSL_shutdown(ssl_.get());
    }
    peer& line() { return peer_; }

    std::size_t octets = 0;

  private:
    std::string read_some() const {
        if (ssl_ != nullptr && SSL_pending(ssl_.get()) > 0)
            return from_tls();
        pollfd ready{peer_.fd(), POLLIN, 0};
        if (poll(&ready, 1, 5000) <= 0)
            return {};
        if (ssl_ != nullptr)
            return from_tls();
        std::string part(65536, '\0');
        const auto got = recv(peer_.fd(), part.data(), part.size(), 0);
        part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return part;
    }
    std::string from_tls() const {
        std::string part(16384, '\0');
        const int got = SSL_read(ssl_.get(), part.data(), static_cast<int>(part.size()));
        part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return part;
    }

    peer& peer_;
    std::unique_ptr<SSL, freed_by<SSL_free>> ssl_;
    std::string buffer_;
};

class smtp_server {
  public:
    explicit smtp_server(int family = AF_INET, int receive_buffer = 0)
        : server_(std::make_unique<loopback_server>([this](peer& p) { serve(p); }, family, receive_buffer)) {}

    unsigned port() const { return server_->port(); }
    int connections() const { return server_->connections(); }

    /// What a word is answered, one after the other; the last answer stays.
    void on(const std::string& word, std::deque<std::string> answers) {
        const std::lock_guard held(mutex_);
        answers_[word] = std::move(answers);
    }
    void usual() {
        const std::lock_guard held(mutex_);
        answers_.clear();
    }

    /// The EHLO reply with these keyword lines.
    void offer(const std::vector<std::string>& keywords) {
        std::string reply = keywords.empty() ? "250 mail.test\r\n" : "250-mail.test\r\n";
        for (std::size_t i = 0; i < keywords.size(); ++i)
            reply += (i + 1 == keywords.size() ? "250 " : "250-") + keywords[i] + "\r\n";
        on("EHLO", {reply});
    }

    void use_tls(const identity& who, bool from_the_start) {
        context_.reset(SSL_CTX_new(TLS_server_method()));
        SSL_CTX_use_certificate(context_.get(), who.cert.get());
        SSL_CTX_use_PrivateKey(context_.get(), who.key.get());
        implicit_ = from_the_start;
    }

    /// The n-th connection, once all that were made are over; the last one for -1.
    dialogue heard(int n = -1) {
        std::unique_lock held(mutex_);
        idle_.wait_for(held, std::chrono::seconds(8), [&] {
            return static_cast<int>(over_.size()) >= server_->connections() && server_->connections() > n;
        });
        if (over_.empty() || n >= static_cast<int>(over_.size()))
            return {};
        return n < 0 ? over_.back() : over_[static_cast<std::size_t>(n)];
    }

    /// The connection that is open now, as far as its last complete command.
    dialogue now() {
        const std::lock_guard held(mutex_);
        return current_;
    }

    /// All contents that were accepted, over all connections.
    std::vector<std::string> accepted() {
        (void)heard();
        const std::lock_guard held(mutex_);
        return accepted_;
    }

    /// Closes the line that is open, behind the client's back.
    void hang_up() {
        const std::lock_guard held(mutex_);
        if (open_fd_ >= 0)
            shutdown(open_fd_, SHUT_RDWR);
    }

    /// Says something unasked on the line that is open.
    void interject(std::string_view text) {
        const std::lock_guard held(mutex_);
        if (open_fd_ >= 0)
            (void)!::send(open_fd_, text.data(), text.size(), MSG_NOSIGNAL);
    }

  private:
    std::string answer_to(const std::string& word, const std::string& command = {}) {
        const std::lock_guard held(mutex_);
        auto found = answers_.find(word);
        if (found == answers_.end())
            return word == "AUTH" || word == "RESPONSE" ? authenticate(command) : usual_answer(word);
        std::string answer = found->second.front();
        if (found->second.size() > 1)
            found->second.pop_front();
        return answer;
    }

    static std::string usual_answer(const std::string& word) {
        static const std::map<std::string, std::string> usual = {
            {"greeting", "220 mail.test ESMTP ready\r\n"},
            {"EHLO", "250-mail.test\r\n250-SIZE\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n"},
            {"*", "501 5.7.0 cancelled\r\n"},
            {"DATA", "354 go on\r\n"},
            {".", "250 2.0.0 queued as 1\r\n"},
            {"STARTTLS", "220 2.0.0 go on\r\n"},
            {"QUIT", "221 2.0.0 bye\r\n"}};
        const auto found = usual.find(word);
        return found != usual.end() ? found->second : "250 2.0.0 ok\r\n";
    }

    // PLAIN with and without an initial response, and LOGIN with its two prompts.
    std::string authenticate(const std::string& command) const {
        if (command == "AUTH PLAIN")
            return "334 \r\n";
        if (command == "AUTH LOGIN")
            return "334 VXNlcm5hbWU6\r\n";
        const bool first_of_login = current_.credentials.starts_with("AUTH LOGIN") && current_.responses == 1;
        return first_of_login ? "334 UGFzc3dvcmQ6\r\n" : "235 2.7.0 welcome\r\n";
    }

    // Writes a command or a response down; gives its word.
    std::string note(const std::string& line, bool challenged) {
        const std::lock_guard held(mutex_);
        const std::string word = !challenged   ? line.substr(0, line.find(' '))
                                 : line == "*" ? line
                                               : "RESPONSE";
        current_.lines.push_back(line);
        if (!challenged)
            current_.words.push_back(word);
        if (word == "AUTH")
            current_.credentials = line;
        else if (word == "RESPONSE")
            current_.credentials += " " + line;
        current_.responses +=
            word == "RESPONSE" || (word == "AUTH" && std::count(line.begin(), line.end(), ' ') > 1) ? 1 : 0;
        current_.quit = word == "QUIT";
        return word;
    }

    // False when the line is over.
    static bool say(channel& line, std::string answer) {
        const char mark = answer.empty() ? '\0' : answer.back();
        if (mark != '\0' && mark <= '\x03')
            answer.pop_back();
        line.write(answer);
        if (mark == then_reset[0])
            line.line().reset();
        else if (mark == then_silence[0])
            wait_for_leave(line.line());
        else if (mark == then_end[0])
            line.line().end();
        return mark == '\0' || mark > '\x03';
    }

    // Reads nothing, so that the window closes; ends when the client has gone.
    static void wait_for_leave(const peer& p) {
        for (int i = 0; i < 500; ++i) {
            pollfd gone{p.fd(), POLLRDHUP, 0};
            if (poll(&gone, 1, 20) > 0 && (gone.revents & (POLLHUP | POLLERR | POLLRDHUP)) != 0)
                return;
        }
    }

    void serve(peer& p) {
        {
            const std::lock_guard held(mutex_);
            current_ = {};
            open_fd_ = p.fd();
        }
        channel line(p);
        if (!implicit_ || begin_tls(line)) {
            if (say(line, answer_to("greeting")))
                converse(line);
        }
        const std::lock_guard held(mutex_);
        open_fd_ = -1;
        current_.octets = line.octets;
        over_.push_back(current_);
        idle_.notify_all();
    }

    bool begin_tls(channel& line) {
        const bool done = line.start_tls(context_.get());
        const std::lock_guard held(mutex_);
        current_.tls = done;
        current_.lines_in_clear = current_.lines.size();
        return done;
    }

    void converse(channel& line) {
        bool challenged = false;
        while (const auto command = line.read_to("\r\n")) {
            const std::string word = note(*command, challenged);
            const std::string answer = answer_to(word, *command);
            challenged = answer.starts_with("334") && word != "*"; // cancelled is cancelled
            if (!say(line, answer) || word == "QUIT")
                break;
            if (word == "STARTTLS" && answer.starts_with("220") && !begin_tls(line))
                return;
            if (word == "DATA" && answer.starts_with("354") && !take_content(line))
                break;
        }
        line.end_tls();
    }

    bool take_content(channel& line) {
        line.put_back("\r\n"); // so that a content of no line ends too
        auto content = line.read_to("\r\n.\r\n");
        std::string text = content ? *content + "\r\n" : line.buffer();
        text.erase(0, 2);
        {
            const std::lock_guard held(mutex_);
            (content ? current_.contents.emplace_back() : current_.rest) = text;
        }
        if (!content)
            return false;
        const std::string answer = answer_to(".");
        if (answer.starts_with("2")) {
            const std::lock_guard held(mutex_);
            accepted_.push_back(text);
        }
        return say(line, answer);
    }

    std::mutex mutex_;
    std::condition_variable idle_;
    std::map<std::string, std::deque<std::string>> answers_;
    std::vector<dialogue> over_;
    std::vector<std::string> accepted_;
    dialogue current_;
    int open_fd_ = -1;
    bool implicit_ = false;
    std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context_;
    std::unique_ptr<loopback_server> server_; // ends first: its thread uses the rest
};

/// A content as it was before dot transparency.
inline std::string without_dots(std::string_view stuffed) {
    std::string text;
    bool line_start = true;
    for (const char c : stuffed) {
        if (!line_start || c != '.')
            text += c;
        line_start = c == '\n';
    }
    return text;
}

/// Header and body of a content, the empty line between them in neither.
inline std::pair<std::string, std::string> parts(const std::string& stuffed) {
    const std::string text = without_dots(stuffed);
    const auto at = text.find("\r\n\r\n");
    if (at == std::string::npos)
        return {text, ""};
    return {text.substr(0, at + 2), text.substr(at + 4)};
}

/// What SMTP carries of a text: every line ends with CRLF, the last one too.
inline std::string canonical(std::string_view text) {
    std::string lines;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' || text[i] == '\n')
            lines += "\r\n";
        else
            lines += text[i];
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            ++i;
    }
    if (!lines.empty() && !lines.ends_with("\n"))
        lines += "\r\n";
    return lines;
}

} // namespace test
