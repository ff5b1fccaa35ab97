// csv.hpp - comma-separated values (RFC 4180), UTF-8, row by row.
#pragma once

#include "postrider/content.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace postrider::cli {

class csv_reader {
  public:
    /// `name` stands in errors.
    csv_reader(content octets, std::string name);

    /// The next row that is not blank; false at the end. The first tells how many fields each must have.
    /// Throws command_error (data), naming file, row and line.
    bool next(std::vector<std::string>& row);
    /// "list.csv, row 3 (line 5)"; the header is row 1.
    std::string where() const;

  private:
    int take();
    int peek();
    int take_of_row();
    void read_quoted(std::string& field);
    void read_field(std::string& field);
    bool read_row(std::vector<std::string>& row);
    void check(const std::vector<std::string>& row);
    [[noreturn]] void refuse(const std::string& what, const std::string& next = {}) const;

    std::string name_;
    content::reader reader_;
    std::span<const char> chunk_;
    std::uint64_t line_ = 1;     // of the octet that is taken next
    std::uint64_t row_line_ = 1; // where the row began
    std::uint64_t row_ = 0;
    std::size_t row_size_ = 0;
    std::size_t columns_ = 0;
    bool begun_ = false;
};

} // namespace postrider::cli
