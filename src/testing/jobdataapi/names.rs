//! The words that the data is made of. Places, companies, titles and texts are invented.

/// `(id, code, name, region, time zone)`. Most jobs are in the first eight.
pub(super) const COUNTRIES: [(u32, &str, &str, usize, &str); 20] = [
    (238, "US", "United States", 3, "America/Chicago"),
    (40, "CA", "Canada", 3, "America/Toronto"),
    (81, "GB", "United Kingdom", 2, "Europe/London"),
    (60, "DE", "Germany", 2, "Europe/Berlin"),
    (77, "FR", "France", 2, "Europe/Paris"),
    (155, "NL", "Netherlands", 2, "Europe/Amsterdam"),
    (16, "AU", "Australia", 4, "Australia/Sydney"),
    (158, "NZ", "New Zealand", 4, "Pacific/Auckland"),
    (33, "BR", "Brazil", 5, "America/Sao_Paulo"),
    (112, "JP", "Japan", 1, "Asia/Tokyo"),
    (104, "IN", "India", 1, "Asia/Kolkata"),
    (199, "SG", "Singapore", 1, "Asia/Singapore"),
    (206, "ES", "Spain", 2, "Europe/Madrid"),
    (110, "IT", "Italy", 2, "Europe/Rome"),
    (180, "PL", "Poland", 2, "Europe/Warsaw"),
    (214, "SE", "Sweden", 2, "Europe/Stockholm"),
    (17, "AT", "Austria", 2, "Europe/Vienna"),
    (204, "ZA", "South Africa", 0, "Africa/Johannesburg"),
    (116, "KE", "Kenya", 0, "Africa/Nairobi"),
    (142, "MX", "Mexico", 3, "America/Mexico_City"),
];
pub(super) const REGIONS: [&str; 6] = ["Africa", "Asia", "Europe", "North America", "Oceania", "South America"];
pub(super) const TYPES: [&str; 6] = ["Full Time", "Part Time", "Temporary", "Internship", "Freelance", "Contract"];
pub(super) const INDUSTRIES: [(u32, &str); 6] = [
    (1, "Software"),
    (12, "Health Care"),
    (23, "Construction"),
    (41, "Food & Beverages"),
    (58, "Logistics"),
    (79, "Renewable Energy"),
];
pub(super) const COMPANY_TYPES: [&str; 4] = ["Public Company", "Privately Held", "Non-profit", "Government Agency"];
pub(super) const FAMILIES: [(&str, [&str; 3]); 5] = [
    ("Engineering", ["Backend", "Firmware", "Data"]),
    ("Care", ["Nursing", "Therapy", "Midwifery"]),
    ("Crafts", ["Welding", "Carpentry", "Baking"]),
    ("Office", ["Payroll", "Purchasing", "Legal"]),
    ("Science", ["Ecology", "Chemistry", "Geodesy"]),
];
pub(super) const GRADES: [&str; 2] = ["Junior", "Senior"];

pub(super) const PLACE_HEADS: [(&str, &str); 12] = [
    ("Nord", "Nord"),
    ("Øst", "Ost"),
    ("Birken", "Birken"),
    ("Sankt Älm", "Sankt Alm"),
    ("Val", "Val"),
    ("Château-", "Chateau-"),
    ("New ", "New "),
    ("Łąk", "Lak"),
    ("San José de ", "San Jose de "),
    ("Mill", "Mill"),
    ("東", "Dong"),
    ("Grün", "Grun"),
];
pub(super) const PLACE_TAILS: [&str; 10] =
    ["wick", "moor", "hausen", "ford", "mere", "vik", "burg", "stead", "ton", "dal"];
pub(super) const SPECIALTIES: [&str; 7] =
    ["Ball Bearings", "Night Care", "Sourdough", "Open Data", "Timber Frames", "Cold Storage", "Staff Leasing"];
pub(super) const COMPANY_HEADS: [&str; 14] = [
    "Quillfern",
    "Brightwater",
    "Ørsted & Daughters",
    "Kestrel",
    "Nimbus \"9\"",
    "Föhnwind",
    "Blåbær",
    "Tessellate",
    "Marrow",
    "O'Dunne",
    "Lumenwerk",
    "Sakura製作所",
    "Zephyr/Delta",
    "Plain",
];
pub(super) const COMPANY_TAILS: [&str; 8] =
    ["Robotics", "Care GmbH", "Foods", "Analytics", "Bau", "& Sons Ltd.", "Studio", "Logistik AG"];

pub(super) const LEVELS: [&str; 6] = ["Senior", "Junior", "Lead", "Principal", "Stellv.", "Trainee"];
pub(super) const ROLES: [&str; 14] = [
    "Data Engineer",
    "Rust Developer",
    "Pflegefachkraft (m/w/d)",
    "Welder",
    "Pâtissier",
    "Payroll Analyst",
    "ソフトウェアエンジニア",
    "Site \"Reliability\" Engineer",
    "C:\\Windows Administrator",
    "R&D <Chemist>",
    "Bäcker/in",
    "Enfermera 🏥",
    "Geodesist",
    "Purchasing Manager",
];
/// With characters that are written in different ways in JSON and in HTML.
pub(super) const SENTENCES: [&str; 16] = [
    "<p>We build tools for people who repair machines.</p>",
    "<p>Du arbeitest in einem Team, das größer wird – und pünktlich geht.</p>\n",
    "<ul>\n<li>A desk by the window</li>\n<li>30 days off</li>\n</ul>",
    "<p>Ask for \"Anna\" at the reception when you arrive.</p>",
    "<p>給与は経験に応じて決定します。</p>",
    "<p>Salary &amp; benefits: see C:\\share\\benefits, or ask\tyour manager.</p>",
    "<p>There is a café in the building, and a dog 🐕 in the office.</p>",
    "<strong>What you need:</strong><br/>patience and a driving licence.",
    "<p>Мы ищем сотрудника в отдел закупок.</p>",
    "<p>Remote on Mondays \u{2014} or on other days.\u{a0}Please ask.</p>",
    "<h2>Über uns</h2><p>Wir sind 40 Leute in zwei Büros.</p>",
    "<p style=\"margin:0\">Teams of &lt;10 people</p>",
    "<p>Send us a letter and a list of the places where you have worked.</p>\r\n",
    "<p>👩‍🔧🚀 Weekend shifts are paid double.</p>",
    "<p>El equipo habla español, inglés y un poco de catalán.</p>",
    "<p>Line one\nline two\n\nline four</p>",
];
pub(super) const CURRENCIES: [&str; 5] = ["USD", "EUR", "GBP", "", "AUD"];
pub(super) const EXPERIENCE: [&str; 4] = ["EN", "MI", "SE", "EX"];
pub(super) const LANGUAGES: [&str; 6] = ["en", "en", "en", "de", "fr", "ja"];
