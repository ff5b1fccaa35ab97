// Contents for the engine, part by part and without putting a message together anywhere: the text mail of the
// documented service, a body from a call-back, a whole message.
#pragma once

#include "line.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace postrider::netx {

using read_callback = UINT (*)(VOID* context, CHAR** data, ULONG* length);

/// The header of the documented service (with Date, Message-ID and priority), then the body.
class text_mail final : public content_source {
  public:
    struct fields {
        std::span<const recipient> recipients; // tag: NX_SMTP_RECIPIENT_TO ...
        mailbox from;
        std::string_view subject;
        std::string_view domain; // for the Message-ID, when the sender has none
        UINT priority = NX_SMTP_MAIL_PRIORITY_NORMAL;
        ULONG time = 0;
    };

    text_mail(const fields& f, std::string_view body);
    text_mail(const fields& f, read_callback read, VOID* context);

    void lend(session& s) override;
    bool rewind() override;

    /// The size of header and body, octets; 0 when only the call-back knows.
    std::uint64_t size() const;

  private:
    enum class step : std::uint8_t {
        to,
        cc,
        from_name,
        from,
        subject_name,
        subject,
        date,
        message_id,
        domain,
        priority,
        mime,
        body
    };

    std::string_view header_part();
    std::string_view address_part(UCHAR type, std::string_view name, step next);
    std::string_view subject_part();
    std::string_view date_part();
    std::string_view id_part();
    void lend_from_callback(session& s);
    std::string_view then(step next, std::string_view part) {
        step_ = next;
        return part;
    }

    fields fields_;
    std::string_view body_;
    read_callback read_ = nullptr;
    VOID* context_ = nullptr;
    ULONG id_[3];
    std::array<char, 80> scratch_;
    std::string_view subject_rest_;
    UINT index_ = 0;
    step step_ = step::to;
    bool separated_ = false; // the next address was announced
    bool listed_ = false;    // an address was written
    bool read_begun_ = false;
};

/// A whole RFC 5322 message.
class raw_mail final : public content_source {
  public:
    explicit raw_mail(std::string_view message) : message_(message) {}
    void lend(session& s) override { s.lend(message_, true); }
    bool rewind() override { return true; }

  private:
    std::string_view message_;
};

} // namespace postrider::netx
