// placeholders.hpp - {{column}} in a text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postrider::cli {

/// A text with places for values. They are put in once: what a value holds is no placeholder.
class text_template {
  public:
    /// `where` stands in the error. Throws command_error (data) for a name that is no column.
    text_template(std::string_view text, const std::vector<std::string>& columns, std::string_view where);

    bool is_fixed() const noexcept { return pieces_.size() == 1 && !pieces_.front().column; }
    /// The columns that are used.
    std::vector<std::size_t> columns() const;
    /// With `html`, a value's & < > " and ' are written as entities.
    std::string fill(const std::vector<std::string>& row, bool html = false) const;

    /// Whether there is any placeholder.
    static bool has_placeholder(std::string_view text);

  private:
    struct piece {
        std::string text;
        std::optional<std::size_t> column; // behind the text
    };
    std::vector<piece> pieces_;
};

/// One placeholder: where it stands in the text, braces included, and its name.
struct placeholder {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string_view name;
};

/// The next one from `start` on.
std::optional<placeholder> find_placeholder(std::string_view text, std::size_t start);

/// The column of that name. Throws command_error (data) that lists those there are.
std::size_t column_named(std::string_view name, const std::vector<std::string>& columns,
                         std::string_view where);

} // namespace postrider::cli
