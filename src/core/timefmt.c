/* Instants from and to what columns keep. The calendar is the proleptic Gregorian one, years 0000 to 9999. */
#include "timefmt.h"

#include <inttypes.h>
#include <string.h>

#define USEC_PER_DAY (86400 * USEC_PER_SEC)
#define DAYS_TO_EPOCH 719528 /* from 0000-01-01 to 1970-01-01 */
#define DAYS_IN_CYCLE 146097 /* 400 years */
#define TIME_FIRST (-DAYS_TO_EPOCH * USEC_PER_DAY)
#define TIME_LAST ((INT64_C(10000) / 400 * DAYS_IN_CYCLE - DAYS_TO_EPOCH) * USEC_PER_DAY - 1)

struct shape {
	const char *name;
	char between;     /* date and clock */
	const char *zone; /* behind them */
	int64_t unit;     /* numbers: how many microseconds one is; 0: text */
};

static const struct shape shapes[TIME_FORMAT_COUNT] = {
	[TIME_AUTO] = { "auto", 'T', "Z", 0 },
	[TIME_UTC] = { "timestamp-utc", ' ', "", 0 },
	[TIME_ZONED] = { "timestamptz", 'T', "+00:00", 0 },
	[TIME_RFC3339] = { "rfc3339", 'T', "Z", 0 },
	[TIME_ISO] = { "iso", 'T', "", 0 },
	[TIME_EPOCH] = { "epoch", 0, "", USEC_PER_SEC },
	[TIME_EPOCH_MS] = { "epoch-ms", 0, "", 1000 },
	[TIME_EPOCH_US] = { "epoch-us", 0, "", 1 },
	[TIME_NATIVE] = { "native", 0, "", 1 },
};

const char *time_format_name(enum time_format format)
{
	return shapes[format].name;
}

bool time_format_is_number(enum time_format format)
{
	return shapes[format].unit != 0;
}

/* ---- the calendar ---- */

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of the year before its month 1…12; 13 gives the whole year. */
static int days_before_month(int64_t year, int month)
{
	static const int days[] = { 0,   0,   31,  59,  90,  120, 151,
				    181, 212, 243, 273, 304, 334, 365 };
	return days[month] + (month > 2 && is_leap(year) ? 1 : 0);
}

/* Days from 0000-01-01 to the year's first; year >= 0. */
static int64_t days_before_year(int64_t year)
{
	return 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

static int64_t floor_divide(int64_t number, int64_t by)
{
	return number / by - (number % by < 0 ? 1 : 0);
}

struct date {
	int64_t year;
	int month, day;
};

static struct date date_of(int64_t days_since_epoch)
{
	int64_t days = days_since_epoch + DAYS_TO_EPOCH;
	int64_t cycle = floor_divide(days, DAYS_IN_CYCLE);
	days -= cycle * DAYS_IN_CYCLE;
	int64_t year = days / 366;
	while (days_before_year(year + 1) <= days) {
		year++;
	}
	int rest = (int)(days - days_before_year(year));
	int month = rest / 31 + 1;
	if (days_before_month(year, month + 1) <= rest) {
		month++;
	}
	return (struct date){ .year = cycle * 400 + year,
			      .month = month,
			      .day = rest - days_before_month(year, month) + 1 };
}

/* ---- reading ---- */

struct cursor {
	const char *at, *end;
};

static bool take_any(struct cursor *cursor, const char *allowed)
{
	if (cursor->at == cursor->end || !*cursor->at || !strchr(allowed, *cursor->at)) {
		return false;
	}
	cursor->at++;
	return true;
}

static bool take_digit(struct cursor *cursor, int *ret_digit)
{
	if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9') {
		return false;
	}
	*ret_digit = *cursor->at++ - '0';
	return true;
}

/* Exactly so many digits. */
static bool take_number(struct cursor *cursor, int digits, int *ret_number)
{
	int number = 0, digit;
	for (int i = 0; i < digits; i++) {
		if (!take_digit(cursor, &digit)) {
			return false;
		}
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

static bool take_date(struct cursor *cursor, int64_t *ret_days)
{
	int year, month, day;
	if (!take_number(cursor, 4, &year) || !take_any(cursor, "-") ||
	    !take_number(cursor, 2, &month) || !take_any(cursor, "-") ||
	    !take_number(cursor, 2, &day) || month < 1 || month > 12 || day < 1) {
		return false;
	}
	int before = days_before_month(year, month);
	if (day > days_before_month(year, month + 1) - before) {
		return false;
	}
	*ret_days = days_before_year(year) + before + day - 1 - DAYS_TO_EPOCH;
	return true;
}

/* What follows the point: up to nine digits, of which six count. */
static bool take_fraction(struct cursor *cursor, int *ret_usec)
{
	int usec = 0, place = 100000, count = 0, digit;
	while (take_digit(cursor, &digit)) {
		usec += digit * place;
		place /= 10;
		count++;
	}
	*ret_usec = usec;
	return count <= 9;
}

static bool take_clock(struct cursor *cursor, int64_t *ret_usec)
{
	int hour, minute, second = 0, usec = 0;
	if (!take_number(cursor, 2, &hour) || !take_any(cursor, ":") ||
	    !take_number(cursor, 2, &minute) || hour > 23 || minute > 59) {
		return false;
	}
	if (take_any(cursor, ":")) {
		if (!take_number(cursor, 2, &second) || second > 60 ||
		    (take_any(cursor, ".") && !take_fraction(cursor, &usec))) {
			return false;
		}
	}
	*ret_usec = (hour * 3600 + minute * 60 + second) * USEC_PER_SEC + usec;
	return true;
}

static bool take_offset(struct cursor *cursor, int64_t *ret_usec)
{
	int hours, minutes = 0, sign;
	if (cursor->at == cursor->end || take_any(cursor, "Zz")) {
		*ret_usec = 0;
		return true;
	}
	(void)take_any(cursor, " ");
	sign = cursor->at != cursor->end && *cursor->at == '-' ? -1 : 1;
	if (!take_any(cursor, "+-") || !take_number(cursor, 2, &hours)) {
		return false;
	}
	if (cursor->at != cursor->end) {
		(void)take_any(cursor, ":");
		if (!take_number(cursor, 2, &minutes)) {
			return false;
		}
	}
	*ret_usec = sign * (hours * 3600 + minutes * 60) * USEC_PER_SEC;
	return hours <= 23 && minutes <= 59;
}

bool time_parse(const char *data, size_t size, int64_t *ret_time)
{
	if (!data) {
		return false;
	}
	struct cursor cursor = { data, data + size };
	int64_t days, clock, offset;
	if (!take_date(&cursor, &days) || !take_any(&cursor, "Tt ") ||
	    !take_clock(&cursor, &clock) || !take_offset(&cursor, &offset) ||
	    cursor.at != cursor.end) {
		return false;
	}
	int64_t time = days * USEC_PER_DAY + clock - offset;
	if (time < TIME_FIRST || time > TIME_LAST) {
		return false;
	}
	*ret_time = time;
	return true;
}

/* A decimal number of units: digits, maybe a sign and a fraction, which is cut at the microsecond. */
static bool time_from_decimal(const char *data, size_t size, int64_t unit, int64_t *ret_time)
{
	if (!data) {
		return false;
	}
	struct cursor cursor = { data, data + size };
	bool negative = take_any(&cursor, "-");
	int64_t time = 0, place = unit;
	int digit, count = 0;
	for (; take_digit(&cursor, &digit); count++) {
		if (time > (TIME_LAST / unit - digit) / 10) {
			return false;
		}
		time = time * 10 + digit;
	}
	time *= unit;
	if (take_any(&cursor, ".")) {
		while (take_digit(&cursor, &digit)) {
			place /= 10;
			time += digit * place;
		}
	}
	time = negative ? -time : time;
	if (count == 0 || cursor.at != cursor.end || time < TIME_FIRST || time > TIME_LAST) {
		return false;
	}
	*ret_time = time;
	return true;
}

static bool time_from_real(double real, int64_t *ret_time)
{
	/* Written so that a NaN is refused. */
	if (!(real >= (double)TIME_FIRST && real < (double)TIME_LAST)) {
		return false;
	}
	*ret_time = (int64_t)(real < 0 ? real - 0.5 : real + 0.5);
	return true;
}

static bool time_from_integer(int64_t number, int64_t unit, int64_t *ret_time)
{
	if (number < TIME_FIRST / unit || number > TIME_LAST / unit) {
		return false;
	}
	*ret_time = number * unit;
	return true;
}

bool time_from_value(const struct value *value, enum time_format format, int64_t *ret_time)
{
	int64_t unit = shapes[format].unit;
	switch (value->type) {
	case VALUE_NULL:
		*ret_time = NO_TIME;
		return true;
	case VALUE_INT:
		return unit != 0 && time_from_integer(value->number, unit, ret_time);
	case VALUE_REAL:
		return unit != 0 && time_from_real(value->real * (double)unit, ret_time);
	case VALUE_TEXT:
		return unit != 0 ? time_from_decimal(value->data, value->size, unit, ret_time)
				 : time_parse(value->data, value->size, ret_time);
	case VALUE_BLOB:
		return false;
	}
	return false;
}

/* ---- writing ---- */

void time_print(struct text *text, int64_t time, enum time_format format)
{
	const struct shape *shape = &shapes[format];
	if (shape->unit != 0) {
		text_printf(text, "%" PRId64, floor_divide(time, shape->unit));
		return;
	}
	int64_t days = floor_divide(time, USEC_PER_DAY);
	int64_t usec = time % USEC_PER_DAY;
	usec += usec < 0 ? USEC_PER_DAY : 0;
	int second = (int)(usec / USEC_PER_SEC);
	struct date date = date_of(days);
	text_printf(text, "%04" PRId64 "-%02d-%02d%c%02d:%02d:%02d.%06d%s", date.year,
		    date.month, date.day, shape->between, second / 3600, second / 60 % 60,
		    second % 60, (int)(usec % USEC_PER_SEC), shape->zone);
}

void time_print_rfc3339(struct text *text, int64_t time)
{
	time_print(text, time, TIME_RFC3339);
}
