// Sending in the smallest build of the client (NX_SMTP_CLIENT_MINIMAL): over the lockstep dialogue.
#include "common.hpp"

#ifdef NX_SMTP_CLIENT_MINIMAL

#include "postrider/lockstep.hpp"
#include "postrider/path.hpp"

namespace postrider::netx {

namespace {

// The dialogue's octets in NetX packets. It holds one packet to send and one received, at most.
class packet_line final : public lockstep_line {
  public:
    packet_line(NX_SMTP_CLIENT& c, const lockstep_mail& mail, const CHAR* subject, std::string_view body)
        : client_(c), mail_(mail), subject_(subject), body_(body) {}

    void write(const char* octets, std::size_t size) noexcept override;
    std::string_view read(stage at, bool first) noexcept override;
    bool has_input() noexcept override;
    std::string_view content(unsigned index) noexcept override;

    /// Gives back what it holds and takes the connection down.
    void close(bool in_order) noexcept;
    UINT status() const noexcept { return status_; }

  private:
    void send() noexcept;
    bool receive(stage at) noexcept;
    void drop_received() noexcept;

    NX_SMTP_CLIENT& client_;
    const lockstep_mail& mail_;
    const CHAR* subject_;
    std::string_view body_;
    NX_PACKET* out_ = NX_NULL;
    NX_PACKET* in_ = NX_NULL;   // released when its last part was read
    NX_PACKET* part_ = NX_NULL; // of in_, the next to give
    ULONG began_ = 0;           // when the reply that is awaited began to be awaited, ticks
    UINT status_ = NX_SUCCESS;  // of the NetX call that failed
};

void packet_line::write(const char* octets, std::size_t size) noexcept {
    while (size > 0 && status_ == NX_SUCCESS) {
        if (out_ == NX_NULL) {
            status_ = allocate_packet(client_, &out_);
            continue;
        }
        const auto room = static_cast<ULONG>(out_->nx_packet_data_end - out_->nx_packet_append_ptr);
        const ULONG taken = size < room ? static_cast<ULONG>(size) : room;
        status_ = nx_packet_data_append(out_, const_cast<char*>(octets), taken,
                                        client_.nx_smtp_client_packet_pool_ptr, NX_NO_WAIT);
        octets += taken;
        size -= taken;
        if (taken == room) {
            send();
        }
    }
}

void packet_line::send() noexcept {
    if (out_ == NX_NULL) {
        return;
    }
    if (status_ == NX_SUCCESS) {
        status_ = nx_tcp_socket_send(&client_.nx_smtp_client_socket, out_, NX_SMTP_CLIENT_SEND_TIMEOUT);
    }
    if (status_ != NX_SUCCESS) {
        nx_packet_release(out_);
    }
    out_ = NX_NULL;
}

std::string_view packet_line::read(stage at, bool first) noexcept {
    send();
    began_ = first ? tx_time_get() : began_;
    std::string_view octets;
    while (octets.empty() && (part_ != NX_NULL || receive(at))) {
        octets = {reinterpret_cast<const char*>(part_->nx_packet_prepend_ptr),
                  static_cast<std::size_t>(part_->nx_packet_append_ptr - part_->nx_packet_prepend_ptr)};
        part_ = next_packet(*part_);
    }
    return octets;
}

ULONG most_wait(stage at) {
    if (at == stage::content) {
        return NX_SMTP_MESSAGE_TIMEOUT;
    }
    if (at == stage::quit) {
        return NX_SMTP_CLIENT_DISCONNECT_TIMEOUT;
    }
    if (at == stage::greeting) {
        return NX_SMTP_GREETING_TIMEOUT;
    }
    return NX_SMTP_ENVELOPE_TIMEOUT;
}

bool packet_line::receive(stage at) noexcept {
    drop_received();
    const ULONG most = most_wait(at);
    const ULONG gone = tx_time_get() - began_;
    // After a failed send the server may have said why: that is worth more than the transport's code.
    const ULONG wait = gone >= most || status_ != NX_SUCCESS ? NX_NO_WAIT : most - gone;
    const UINT status = nx_tcp_socket_receive(&client_.nx_smtp_client_socket, &in_, wait);
    if (status != NX_SUCCESS) {
        status_ = status_ == NX_SUCCESS ? status : status_;
        return false;
    }
    part_ = in_;
    return true;
}

bool packet_line::has_input() noexcept {
    ULONG octets = 0;
    nx_tcp_socket_bytes_available(&client_.nx_smtp_client_socket, &octets);
    return part_ != NX_NULL || octets > 0;
}

void packet_line::drop_received() noexcept {
    if (in_ != NX_NULL) {
        nx_packet_release(in_);
        in_ = part_ = NX_NULL;
    }
}

void packet_line::close(bool in_order) noexcept {
    drop_received();
    if (out_ != NX_NULL) {
        nx_packet_release(out_);
    }
    disconnect_socket(client_, in_order);
}

// The parts of the message: a name, its text, the next name.
std::string_view packet_line::content(unsigned index) noexcept {
    switch (index) {
    case 0:
        return "To: ";
    case 1:
        return mail_.to;
    case 2:
        return "\r\nFrom: ";
    case 3:
        return mail_.from;
    case 4:
        return "\r\nSubject: ";
    case 5:
        return subject_;
    case 6:
        return mime_header;
    case 7:
        return body_;
    default:
        return {};
    }
}

// One connection, one dialogue. `dropped`: the server dropped the line at EHLO.
UINT attempt(packet_line& line, NX_SMTP_CLIENT& c, const lockstep_mail& mail, bool& dropped) {
    c.nx_smtp_client_reply_code_status = 0; // the mail before this one has no say in it
    const UINT status = connect_socket(c);
    if (status != NX_SUCCESS) {
        return status;
    }
    lockstep dialogue(line, c.nx_smtp_client_reply_text);
    const errc e = dialogue.send(mail);
    c.nx_smtp_client_reply_code_status = static_cast<USHORT>(dialogue.code());
    line.close(e == errc::ok);
    dropped = e == errc::connection_lost && line.status() == NX_NOT_CONNECTED && dialogue.at() == stage::ehlo;
    return e == errc::ok                ? NX_SUCCESS
           : e == errc::connection_lost ? line.status()
           : e == errc::content_has_nul ? NX_SMTP_CONTENT_ERROR
                                        : code_of(dialogue.at());
}

// Takes the address out of its brackets.
bool read_address(std::string_view& address, const CHAR* text) {
    const result<mailbox> parsed = mailbox::parse_lenient(text);
    if (parsed) {
        address = parsed->text();
    }
    return parsed.has_value();
}

} // namespace

} // namespace postrider::netx

using namespace postrider;
using namespace postrider::netx;

UINT _nx_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT, CHAR* subject,
                        CHAR* mail_body, UINT mail_body_length) {
    NX_SMTP_CLIENT& c = *client_ptr;
    if (!is_created(c)) {
        return NX_SMTP_CLIENT_NOT_INTIALIZED;
    }
    lockstep_mail mail;
    mail.client_name = c.nx_smtp_client_domain;
    const std::string_view title = subject;
    if (title.size() > max_subject) {
        return NX_SIZE_ERROR;
    }
    if (!read_address(mail.from, c.nx_smtp_client_from_address) ||
        !read_address(mail.to, recipient_address) || has_control(title, '\t') ||
        has_control(mail.client_name)) {
        return NX_SMTP_INVALID_PARAM;
    }
    mail.user = c.nx_smtp_username;
    mail.password = c.nx_smtp_password;
    mail.prefer_login = c.nx_smtp_client_authentication_type == NX_SMTP_CLIENT_AUTH_LOGIN;
    mail.optional_auth = c.nx_smtp_client_authentication_type == NX_SMTP_CLIENT_AUTH_NONE;
    for (;;) {
        packet_line line(c, mail, subject, {mail_body, mail_body_length});
        bool dropped = false;
        const UINT status = attempt(line, c, mail, dropped);
        if (!dropped || !mail.use_ehlo) {
            return status;
        }
        mail.use_ehlo = false; // a server that drops the line at EHLO may know HELO (RFC 5321 3.2)
    }
}

#endif // NX_SMTP_CLIENT_MINIMAL
