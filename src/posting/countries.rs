//! The countries of ISO 3166-1, to find the code of a name.

/// Each line of names: the code, then the English names that are in use.
const COUNTRIES: &str = "\
AD=Andorra;AE=United Arab Emirates|UAE;AF=Afghanistan;AG=Antigua and Barbuda;AI=Anguilla;AL=Albania;AM=Armenia;AO=Angola;\
AQ=Antarctica;AR=Argentina;AS=American Samoa;AT=Austria;AU=Australia;AW=Aruba;AX=Åland Islands;AZ=Azerbaijan;\
BA=Bosnia and Herzegovina;BB=Barbados;BD=Bangladesh;BE=Belgium;BF=Burkina Faso;BG=Bulgaria;BH=Bahrain;BI=Burundi;BJ=Benin;\
BL=Saint Barthélemy;BM=Bermuda;BN=Brunei|Brunei Darussalam;BO=Bolivia;BQ=Caribbean Netherlands;BR=Brazil;BS=Bahamas|The Bahamas;\
BT=Bhutan;BV=Bouvet Island;BW=Botswana;BY=Belarus;BZ=Belize;CA=Canada;CC=Cocos Islands;CD=Democratic Republic of the Congo|DR Congo;\
CF=Central African Republic;CG=Republic of the Congo|Congo;CH=Switzerland;CI=Ivory Coast|Côte d'Ivoire;CK=Cook Islands;CL=Chile;\
CM=Cameroon;CN=China;CO=Colombia;CR=Costa Rica;CU=Cuba;CV=Cape Verde|Cabo Verde;CW=Curaçao;CX=Christmas Island;CY=Cyprus;\
CZ=Czechia|Czech Republic;DE=Germany;DJ=Djibouti;DK=Denmark;DM=Dominica;DO=Dominican Republic;DZ=Algeria;EC=Ecuador;EE=Estonia;\
EG=Egypt;EH=Western Sahara;ER=Eritrea;ES=Spain;ET=Ethiopia;FI=Finland;FJ=Fiji;FK=Falkland Islands;FM=Micronesia;FO=Faroe Islands;\
FR=France;GA=Gabon;GB=United Kingdom|UK|Great Britain;GD=Grenada;GE=Georgia;GF=French Guiana;GG=Guernsey;GH=Ghana;GI=Gibraltar;\
GL=Greenland;GM=Gambia|The Gambia;GN=Guinea;GP=Guadeloupe;GQ=Equatorial Guinea;GR=Greece;\
GS=South Georgia and the South Sandwich Islands;GT=Guatemala;GU=Guam;GW=Guinea-Bissau;GY=Guyana;HK=Hong Kong;\
HM=Heard Island and McDonald Islands;HN=Honduras;HR=Croatia;HT=Haiti;HU=Hungary;ID=Indonesia;IE=Ireland;IL=Israel;IM=Isle of Man;\
IN=India;IO=British Indian Ocean Territory;IQ=Iraq;IR=Iran;IS=Iceland;IT=Italy;JE=Jersey;JM=Jamaica;JO=Jordan;JP=Japan;KE=Kenya;\
KG=Kyrgyzstan;KH=Cambodia;KI=Kiribati;KM=Comoros;KN=Saint Kitts and Nevis;KP=North Korea;KR=South Korea|Republic of Korea;KW=Kuwait;\
KY=Cayman Islands;KZ=Kazakhstan;LA=Laos;LB=Lebanon;LC=Saint Lucia;LI=Liechtenstein;LK=Sri Lanka;LR=Liberia;LS=Lesotho;LT=Lithuania;\
LU=Luxembourg;LV=Latvia;LY=Libya;MA=Morocco;MC=Monaco;MD=Moldova;ME=Montenegro;MF=Saint Martin;MG=Madagascar;MH=Marshall Islands;\
MK=North Macedonia|Macedonia;ML=Mali;MM=Myanmar;MN=Mongolia;MO=Macao|Macau;MP=Northern Mariana Islands;MQ=Martinique;MR=Mauritania;\
MS=Montserrat;MT=Malta;MU=Mauritius;MV=Maldives;MW=Malawi;MX=Mexico;MY=Malaysia;MZ=Mozambique;NA=Namibia;NC=New Caledonia;NE=Niger;\
NF=Norfolk Island;NG=Nigeria;NI=Nicaragua;NL=Netherlands|The Netherlands;NO=Norway;NP=Nepal;NR=Nauru;NU=Niue;NZ=New Zealand;OM=Oman;\
PA=Panama;PE=Peru;PF=French Polynesia;PG=Papua New Guinea;PH=Philippines|The Philippines;PK=Pakistan;PL=Poland;\
PM=Saint Pierre and Miquelon;PN=Pitcairn;PR=Puerto Rico;PS=Palestine;PT=Portugal;PW=Palau;PY=Paraguay;QA=Qatar;RE=Réunion;RO=Romania;\
RS=Serbia;RU=Russia|Russian Federation;RW=Rwanda;SA=Saudi Arabia;SB=Solomon Islands;SC=Seychelles;SD=Sudan;SE=Sweden;SG=Singapore;\
SH=Saint Helena;SI=Slovenia;SJ=Svalbard and Jan Mayen;SK=Slovakia;SL=Sierra Leone;SM=San Marino;SN=Senegal;SO=Somalia;SR=Suriname;\
SS=South Sudan;ST=São Tomé and Príncipe;SV=El Salvador;SX=Sint Maarten;SY=Syria;SZ=Eswatini;TC=Turks and Caicos Islands;TD=Chad;\
TF=French Southern Territories;TG=Togo;TH=Thailand;TJ=Tajikistan;TK=Tokelau;TL=Timor-Leste;TM=Turkmenistan;TN=Tunisia;TO=Tonga;\
TR=Turkey|Türkiye;TT=Trinidad and Tobago;TV=Tuvalu;TW=Taiwan;TZ=Tanzania;UA=Ukraine;UG=Uganda;UM=United States Minor Outlying Islands;\
US=United States|USA|United States of America;UY=Uruguay;UZ=Uzbekistan;VA=Vatican City;VC=Saint Vincent and the Grenadines;VE=Venezuela;\
VG=British Virgin Islands;VI=United States Virgin Islands;VN=Vietnam|Viet Nam;VU=Vanuatu;WF=Wallis and Futuna;WS=Samoa;XK=Kosovo;YE=Yemen;\
YT=Mayotte;ZA=South Africa;ZM=Zambia;ZW=Zimbabwe";

/// The code of a country's code or English name, whatever the case.
pub(super) fn country_code(country: &str) -> Option<&'static str> {
    let wanted = country.trim().to_lowercase();
    let is = |name: &str| name.to_lowercase() == wanted;
    let mut entries = COUNTRIES.split(';').filter_map(|entry| entry.split_once('='));
    entries.find(|(code, names)| code.eq_ignore_ascii_case(&wanted) || names.split('|').any(is)).map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_a_code_and_names() {
        let entries: Vec<&str> = COUNTRIES.split(';').collect();
        assert_eq!(entries.len(), 250, "those of ISO 3166-1, and Kosovo");
        for entry in entries {
            let (code, names) = entry.split_once('=').unwrap();
            assert!(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{entry}");
            assert!(names.split('|').all(|name| name.len() > 1 && name == name.trim()), "{entry}");
            assert_eq!(country_code(code), Some(code));
        }
    }
}
